mod totp;

use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Changes, Making};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use healthbridge_rights::Caller;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{Proof, throttle::Attempted};
use crate::{
    NAME,
    domain::Account,
    store::{
        accounts,
        credentials::{self, Credentials},
        sessions::{self, EndReason},
    },
};

/// What the owners of accounts prove by that they are: passwords and one-time passwords.
pub(crate) struct Secrets {
    pool: PgPool,
    changes: Changes,
    proof: Proof,
}

impl Secrets {
    pub(super) fn new(pool: PgPool, proof: Proof) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, proof }
    }

    /// Changes the caller's password. All other sessions end.
    pub(crate) async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: SecretString,
        now: DateTime<Utc>,
    ) -> Outcome<Account> {
        let own = caller.signed_in()?;
        let proven = self.prove("currentPassword", own.user_id, current, now).await?;
        let hash = self.proof.passwords.hash_chosen("newPassword", new, &proven.email).await?;
        self.changes.make(&ChangePassword { proven, hash, session_id: own.session_id }, caller, now).await
    }

    /// Sets a password by a one-time token, and ends all sessions of the account.
    pub(crate) async fn complete_reset(&self, token: &str, new: SecretString, now: DateTime<Utc>) -> Outcome<Account> {
        let digest = Sha256::digest(token.as_bytes()).to_vec();
        let found = credentials::one_time_token(&self.pool, &digest).await?;
        let found = found.filter(|found| found.expires_at > now).ok_or_else(invalid_token)?;
        let account = own_account(&self.pool, found.account_id).await?;
        let hash = self.proof.passwords.hash_chosen("newPassword", new, &account.email).await?;
        let reset = CompleteReset { digest, account_id: account.id, clears_totp: found.clears_totp, hash };
        self.changes.make(&reset, &Caller::Anonymous, now).await
    }

    /// Verifies the password at `field` of an account whose owner is signed in. Who guesses waits as at a sign-in.
    async fn prove(
        &self,
        field: &str,
        account: Uuid,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Outcome<Credentials> {
        let attempted = Attempted::own_secret("password", account);
        self.proof.throttle.attempt(&attempted, field, now).await?;
        let credentials = credentials::by_id(&self.pool, account).await?;
        let hash = credentials.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.proof.passwords.verify(password, hash).await?;
        let proven = credentials.filter(|found| is_right && found.active).ok_or_else(|| wrong_password(field))?;
        self.proof.throttle.succeeded(&attempted, now).await;
        Ok(proven)
    }
}

fn wrong_password(field: &str) -> Stop {
    Stop::refuse(field, UserErrorCode::NotAllowed, "The current password is wrong")
}

fn invalid_token() -> Stop {
    let message = "The token is invalid, used or expired: ask for a new one";
    Stop::refuse("token", UserErrorCode::NotAllowed, message)
}

struct ChangePassword {
    proven: Credentials,
    hash: String,
    /// The session that stays.
    session_id: Uuid,
}

impl Change for ChangePassword {
    const NAME: &'static str = "changePassword";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let now = making.now;
        let Some(account) = lock_unchanged(making.connection(), &self.proven).await? else {
            return Err(wrong_password("currentPassword"));
        };
        credentials::set_password(making.connection(), account.id, &self.hash, now).await?;
        let (but, reason) = (Some(self.session_id), EndReason::PasswordChanged);
        sessions::end_all(making.connection(), account.id, but, reason, now).await?;
        Ok(Account { version: account.version + 1, updated_at: now, ..account })
    }
}

struct CompleteReset {
    /// The token's.
    digest: Vec<u8>,
    account_id: Uuid,
    clears_totp: bool,
    hash: String,
}

impl Change for CompleteReset {
    const NAME: &'static str = "completePasswordReset";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let (id, now) = (self.account_id, making.now);
        accounts::lock(making.connection(), id).await?;
        if !credentials::use_one_time_token(making.connection(), &self.digest).await? {
            return Err(invalid_token());
        }
        credentials::set_password(making.connection(), id, &self.hash, now).await?;
        if self.clears_totp {
            credentials::clear_totp(making.connection(), id).await?;
        }
        sessions::end_all(making.connection(), id, None, EndReason::PasswordReset, now).await?;
        Ok(own_account(making.connection(), id).await?)
    }
}

/// The account of somebody who has proven to be its owner.
async fn own_account(db: impl PgExecutor<'_>, id: Uuid) -> Result<Account, Fault> {
    accounts::by_id(db, &[id]).await?.pop().ok_or(Fault::Forbidden)
}

/// Locks an active account whose credentials are still what was checked: hashing a password takes its time, and meanwhile
/// the account may have been deactivated, or its password reset.
pub(super) async fn lock_unchanged(
    connection: &mut PgConnection,
    checked: &Credentials,
) -> Result<Option<Account>, sqlx::Error> {
    let account = accounts::lock(connection, checked.account_id).await?;
    let present = credentials::by_id(connection, checked.account_id).await?;
    Ok(account.filter(|account| account.active && present.as_ref() == Some(checked)))
}
