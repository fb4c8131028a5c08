//! Accounts that an administrator makes, and the tokens by which their owners set a password.

use chrono::{DateTime, Duration, Utc};
use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_rights::{Caller, Role, is_system_scope};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::register::insert;
use crate::{
    domain::{self, Account, UserKind},
    service::random_token,
    store::{
        accounts,
        credentials::{self, OneTimeToken},
    },
};

/// How long a one-time token can be used.
const LIFETIME: Duration = Duration::hours(24);

/// An account with the token that lets its owner set a password.
pub(crate) struct Invited {
    pub account: Account,
    /// Shown once: a mutation that is sent again does not have it any more.
    pub token: Option<(String, DateTime<Utc>)>,
}

/// An account to be made for somebody else.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateUser {
    pub email: String,
    pub kind: UserKind,
    pub roles: Vec<Role>,
    pub scopes: Vec<String>,
}

impl Change for CreateUser {
    const NAME: &'static str = "createUser";
    type Made = Invited;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Invited> {
        let email = self.check(making.caller)?;
        let mut account = Account::new(making.id, self.kind, email, self.roles.clone(), making.now);
        account.scopes.clone_from(&self.scopes);
        insert(making.connection(), &account, None).await?;
        issue(making, account, false).await
    }
}

impl Once for CreateUser {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Invited>, Fault> {
        let account = accounts::by_id(connection, &[id]).await?.pop();
        Ok(account.map(|account| Invited { account, token: None }))
    }
}

impl CreateUser {
    /// Gives the address. A SERVICE account has scopes of its own and no role but SERVICE; everybody else has roles and no
    /// scopes.
    fn check(&self, caller: &Caller) -> Checked<String> {
        let mut refusals = Refusals::default();
        let email = domain::account::email(&mut refusals, &self.email);
        let are_wanted = match self.kind {
            UserKind::Service => self.roles == [Role::Service],
            UserKind::Patient => self.roles == [Role::Patient],
            UserKind::Staff => {
                !self.roles.is_empty() && !self.roles.iter().any(|role| matches!(role, Role::Service | Role::Patient))
            }
        };
        if !are_wanted {
            let message =
                "A SERVICE account has the role SERVICE, a PATIENT's PATIENT, one of the staff at least one other";
            refusals.add("roles", UserErrorCode::NotAllowed, message);
        }
        let is_service = self.kind == UserKind::Service;
        if is_service == self.scopes.is_empty() {
            let message = "A SERVICE account needs the scopes that it may use, and no other account has any of its own";
            refusals.add("scopes", UserErrorCode::NotAllowed, message);
        }
        for (place, _) in self.scopes.iter().enumerate().filter(|(_, scope)| !is_system_scope(scope)) {
            let message = "This is no scope of a machine, such as system/Patient.r";
            refusals.add(&format!("scopes.{place}"), UserErrorCode::InvalidFormat, message);
        }
        if (is_service || self.roles.contains(&Role::Admin)) && !caller.holds("policy:admin") {
            // A machine that makes accounts must not make itself an administrator.
            refusals.add("roles", UserErrorCode::NotAllowed, "Only an administrator makes administrators and machines");
        }
        refusals.or(email)
    }
}

/// An account whose owner is to set a new password.
#[derive(Clone, Debug)]
pub(crate) struct ResetPassword {
    pub user_id: Uuid,
    /// Whether one-time passwords are asked for no longer once the token is used.
    pub clears_totp: bool,
}

impl Change for ResetPassword {
    const NAME: &'static str = "resetUserPassword";
    type Made = Invited;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Invited> {
        let Some(account) = accounts::lock(making.connection(), self.user_id).await? else {
            return Err(Stop::refuse("userId", UserErrorCode::NotFound, "There is no such account"));
        };
        if account.id == making.user_id() {
            let message = "The own password is changed by `changePassword`";
            return Err(Stop::refuse("userId", UserErrorCode::NotAllowed, message));
        }
        issue(making, account, self.clears_totp).await
    }
}

async fn issue(making: &mut Making<'_>, account: Account, clears_totp: bool) -> Outcome<Invited> {
    let (text, issued_by, now) = (random_token()?, making.user_id(), making.now);
    let expires_at = now + LIFETIME;
    let token = OneTimeToken { account_id: account.id, clears_totp, expires_at };
    let hash = Sha256::digest(text.as_bytes());
    credentials::insert_one_time_token(making.connection(), &token, &hash, issued_by, now).await?;
    Ok(Invited { account, token: Some((text, expires_at)) })
}
