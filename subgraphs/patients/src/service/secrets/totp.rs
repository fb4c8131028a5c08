use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Fault, Outcome, Stop, UserError, UserErrorCode};
use healthbridge_rights::{Caller, Denied};
use secrecy::SecretString;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Secrets, lock_unchanged, own_account};
use crate::{
    domain::Account,
    service::{
        throttle::Attempted,
        totp::{self, TotpKey, takes_code},
    },
    store::{
        accounts,
        credentials::{self, Credentials},
    },
};

/// A new secret, to be put into an authenticator app.
pub(crate) struct Enrolment {
    pub secret: String,
    pub url: String,
}

impl Secrets {
    /// Makes a secret for the caller's authenticator app. It is asked for once it is confirmed.
    pub(crate) async fn begin_totp(&self, caller: &Caller, now: DateTime<Utc>) -> Outcome<Enrolment> {
        let own = caller.signed_in()?;
        let Some(key) = &self.proof.identity.totp else {
            return Err(refuse_all(
                UserErrorCode::NotAllowed,
                "This installation is not set up for one-time passwords",
            ));
        };
        let (secret, sealed) = totp::new_secret(key, own.user_id)?;
        let account = self.changes.make(&BeginTotp { sealed }, caller, now).await?;
        let (secret, url) = totp::for_app(secret, account.email)?;
        Ok(Enrolment { secret, url })
    }

    /// Confirms the caller's authenticator app by its first one-time password.
    pub(crate) async fn confirm_totp(&self, caller: &Caller, code: &str, now: DateTime<Utc>) -> Outcome<Account> {
        let own = caller.signed_in()?;
        let attempted = Attempted::own_secret("one-time password", own.user_id);
        self.proof.throttle.attempt(&attempted, "code", now).await?;
        let confirm = ConfirmTotp { key: self.proof.identity.totp.as_ref(), code };
        let account = self.changes.make(&confirm, caller, now).await?;
        self.proof.throttle.succeeded(&attempted, now).await;
        Ok(account)
    }

    /// Asks the caller's account for one-time passwords no longer; the password proves who it is.
    pub(crate) async fn disable_totp(
        &self,
        caller: &Caller,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Outcome<Account> {
        let own = caller.signed_in()?;
        let proven = self.prove("password", own.user_id, password, now).await?;
        self.changes.make(&DisableTotp { proven }, caller, now).await
    }
}

/// A refusal that is no input's fault.
fn refuse_all(code: UserErrorCode, message: &str) -> Stop {
    UserError { code, message: message.to_owned(), field: None }.into()
}

struct BeginTotp {
    /// The secret, encrypted.
    sealed: Vec<u8>,
}

impl Change for BeginTotp {
    const NAME: &'static str = "beginTotp";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let id = making.user_id();
        let account = lock_active(making.connection(), id).await?;
        if !credentials::begin_totp(making.connection(), id, &self.sealed).await? {
            return Err(refuse_all(UserErrorCode::AlreadyExists, "One-time passwords are asked for already"));
        }
        Ok(account)
    }
}

struct ConfirmTotp<'a> {
    key: Option<&'a TotpKey>,
    code: &'a str,
}

impl Change for ConfirmTotp<'_> {
    const NAME: &'static str = "confirmTotp";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let (id, now) = (making.user_id(), making.now);
        lock_active(making.connection(), id).await?;
        let stored = credentials::totp(making.connection(), id).await?.ok_or(Denied::Forbidden)?;
        let is_right = match stored.secret.filter(|_| !stored.is_confirmed) {
            Some(secret) => takes_code(self.key, making.connection(), id, &secret, self.code, now).await?,
            None => false,
        };
        if !is_right {
            let message = "This is not the present one-time password of a secret that waits to be confirmed";
            return Err(Stop::refuse("code", UserErrorCode::NotAllowed, message));
        }
        Ok(own_account(making.connection(), id).await?)
    }
}

struct DisableTotp {
    proven: Credentials,
}

impl Change for DisableTotp {
    const NAME: &'static str = "disableTotp";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        if lock_unchanged(making.connection(), &self.proven).await?.is_none() {
            let message = "The account has changed meanwhile: try again";
            return Err(Stop::refuse("password", UserErrorCode::NotAllowed, message));
        }
        credentials::clear_totp(making.connection(), self.proven.account_id).await?;
        Ok(own_account(making.connection(), self.proven.account_id).await?)
    }
}

/// Locks the account of somebody who is signed in, unless it was deactivated meanwhile.
async fn lock_active(connection: &mut PgConnection, id: Uuid) -> Result<Account, Fault> {
    let account = accounts::lock(connection, id).await?;
    account.filter(|account| account.active).ok_or(Fault::Forbidden)
}
