mod change;
mod invite;
mod register;

use std::{collections::BTreeSet, net::IpAddr};

use chrono::{DateTime, Utc};
use healthbridge_change::Changes;
use healthbridge_outcome::{Fault, Outcome, Page, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use change::{ChangeAccount, NewState};
pub(crate) use invite::{CreateUser, Invited, ResetPassword};
pub use register::{NewAccount, create_account, has_administrator};

use super::{Proof, throttle::Attempted};
use crate::{
    NAME,
    domain::Account,
    store::accounts::{self, AccountFilter, AccountKey, AccountOrder},
};

/// The accounts of people and machines.
pub(crate) struct Accounts {
    pool: PgPool,
    searches: PgPool,
    changes: Changes,
    proof: Proof,
}

/// Whose accounts the caller reaches: everybody's, or the own one.
fn reach(caller: &Caller) -> Reach {
    match caller.reach(Resource::User, Right::Read) {
        Reach::Everyone => Reach::Everyone,
        _ => caller.account().map_or(Reach::Nobody, |account| Reach::Own(account.user_id)),
    }
}

impl Accounts {
    pub(super) fn new(pool: PgPool, searches: PgPool, proof: Proof) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, searches, proof }
    }

    /// The scopes of an account's tokens.
    pub(crate) fn granted(&self, account: &Account) -> BTreeSet<String> {
        account.granted(self.proof.identity.patients_book)
    }

    /// The accounts with these ids that the caller may see: the own one always.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Account>, Fault> {
        let reach = reach(caller);
        let visible: Vec<Uuid> = ids.iter().copied().filter(|id| reach.covers(*id)).collect();
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        Ok(accounts::by_id(&self.pool, &visible).await?)
    }

    /// The accounts of these patients that the caller may see: the own one always.
    pub(crate) async fn of_patients(&self, caller: &Caller, patients: &[Uuid]) -> Result<Vec<Account>, Fault> {
        let Some(own) = reach(caller).confine() else { return Ok(Vec::new()) };
        Ok(accounts::of_patients(&self.pool, patients, own).await?)
    }

    /// The accounts of these members of the staff that the caller may see: the own one always.
    pub(crate) async fn of_staff(&self, caller: &Caller, staff: &[Uuid]) -> Result<Vec<Account>, Fault> {
        let Some(own) = reach(caller).confine() else { return Ok(Vec::new()) };
        Ok(accounts::of_staff(&self.pool, staff, own).await?)
    }

    /// A page of the accounts.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &AccountFilter,
        order: AccountOrder,
        window: &Window<AccountKey>,
    ) -> Result<Page<Account>, Fault> {
        caller.require(Resource::User, Right::Search)?;
        Ok(window.page(accounts::list(&self.searches, filter, order, window).await?))
    }

    /// How many accounts the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &AccountFilter) -> Result<Total, Fault> {
        caller.require(Resource::User, Right::Search)?;
        Ok(accounts::count(&self.searches, filter).await?)
    }

    /// Makes an account for the anonymous who comes from this address, and not too often; sent again with its key, it gives
    /// the first one.
    pub(crate) async fn register(
        &self,
        new: NewAccount,
        address: Option<IpAddr>,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Account> {
        let (mut registration, password) = new.check()?;
        // Whoever registers has no account yet: a token that is sent along says nothing about the key.
        let nobody = &Caller::Anonymous;
        if let Some(made) = self.changes.earlier(&registration, key, nobody).await? {
            return Ok(made);
        }
        self.proof.throttle.attempt(&Attempted::registration(address), "email", now).await?;
        registration.hash(&self.proof.passwords, password).await?;
        self.changes.make_once(&registration, key, nobody, now).await
    }

    /// Makes an account for somebody else, who sets its password by the token.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        user: CreateUser,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Invited> {
        caller.require(Resource::User, Right::Create)?;
        self.changes.make_once(&user, key, caller, now).await
    }

    /// Gives a token by which an account's owner sets a new password. Until it is used everything stays as it is.
    pub(crate) async fn reset_password(
        &self,
        caller: &Caller,
        reset: ResetPassword,
        now: DateTime<Utc>,
    ) -> Outcome<Invited> {
        let own = caller.require(Resource::User, Right::Update)?;
        let invited = self.changes.make(&reset, caller, now).await?;
        let id = invited.account.id;
        tracing::info!(account_id = %id, issued_by = %own.user_id, "a one-time token was issued for {id}");
        Ok(invited)
    }

    /// Changes an account of somebody else.
    pub(crate) async fn change(&self, caller: &Caller, change: ChangeAccount, now: DateTime<Utc>) -> Outcome<Account> {
        let resource = match change.state {
            NewState::Patient(_) => Resource::Patient,
            NewState::Active(_) | NewState::Roles(_) => Resource::User,
        };
        caller.require(resource, Right::Update)?;
        self.changes.make(&change, caller, now).await
    }
}
