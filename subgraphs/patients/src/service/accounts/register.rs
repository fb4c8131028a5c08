use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_rights::{Caller, Role};
use secrecy::SecretString;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    NAME,
    domain::{self, Account, UserKind},
    service::Passwords,
    store::{accounts, imports},
};

/// An account to be made.
pub struct NewAccount {
    /// Whose it is.
    pub kind: UserKind,
    /// Email address.
    pub email: String,
    /// Password.
    pub password: SecretString,
    /// Roles.
    pub roles: Vec<Role>,
}

/// Makes an account, for whoever runs the installation.
///
/// # Errors
/// A refusal where the address is no address or is taken, or the password can be guessed.
pub async fn create_account(pool: PgPool, new: NewAccount, now: DateTime<Utc>) -> Outcome<Account> {
    let (mut registration, password) = new.check()?;
    registration.hash(&Passwords::default(), password).await?;
    Changes::new(pool, NAME).make(&registration, &Caller::Anonymous, now).await
}

/// Whether anybody administers the installation.
///
/// # Errors
/// When the database fails.
pub async fn has_administrator(pool: &PgPool) -> Result<bool, sqlx::Error> {
    Ok(imports::active_account(pool, None, Role::Admin).await?.is_some())
}

impl NewAccount {
    pub(super) fn check(self) -> Checked<(Registration, SecretString)> {
        let mut refusals = Refusals::default();
        let email = domain::account::email(&mut refusals, &self.email);
        let registration = Registration { email, kind: self.kind, roles: self.roles, password_hash: String::new() };
        refusals.or((registration, self.password))
    }
}

/// An account with a password. The password is no part of what a key stands for: a digest of it must not be kept.
#[derive(Serialize)]
pub(super) struct Registration {
    email: String,
    kind: UserKind,
    #[serde(skip)]
    roles: Vec<Role>,
    #[serde(skip)]
    password_hash: String,
}

impl Registration {
    /// Hashes the password, which takes too long for a transaction.
    pub(super) async fn hash(&mut self, passwords: &Passwords, password: SecretString) -> Outcome<()> {
        self.password_hash = passwords.hash_chosen("password", password, &self.email).await?;
        Ok(())
    }
}

impl Change for Registration {
    const NAME: &'static str = "registerUser";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let account = Account::new(making.id, self.kind, self.email.clone(), self.roles.clone(), making.now);
        insert(making.connection(), &account, Some(&self.password_hash)).await?;
        Ok(account)
    }
}

impl Once for Registration {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Account>, Fault> {
        Ok(accounts::by_id(connection, &[id]).await?.pop())
    }
}

/// Adds an account whose address is not taken.
pub(super) async fn insert(
    connection: &mut PgConnection,
    account: &Account,
    password_hash: Option<&str>,
) -> Outcome<()> {
    if accounts::insert(connection, account, password_hash).await? {
        return Ok(());
    }
    Err(Stop::refuse("email", UserErrorCode::AlreadyExists, "An account with this address exists"))
}
