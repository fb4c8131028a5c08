//! Asking a person again who is signed in: what signing wants beside an access token, which may be in other hands.

use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{ForeignError, ForeignIdentity, PROOF_LIFETIME, ProofClaims, Proven};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use healthbridge_rights::Caller;
use secrecy::SecretString;
use uuid::Uuid;

use super::Sessions;
use crate::{
    domain::Account,
    service::{
        secrets::lock_unchanged,
        throttle::Attempted,
        totp::{TotpKey, takes_code},
    },
    store::{
        accounts,
        credentials::{self, Credentials},
        sessions::{self, OpenSession},
    },
};

const PASSWORD: &str = "password";
const ONE_TIME_PASSWORD: &str = "oneTimePassword";
const IDENTITY_TOKEN: &str = "identityToken";

/// By how much the issuer's clock may be ahead of ours.
const AHEAD: Duration = Duration::seconds(5);

/// What somebody proves by that the person is there: one of these.
#[derive(Default)]
pub(crate) struct Reauthenticate<'a> {
    pub password: Option<SecretString>,
    pub one_time_password: Option<&'a str>,
    pub identity_token: Option<&'a str>,
}

/// A proof, bound to the session and the account.
pub(crate) struct Reauthenticated {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

impl Sessions {
    /// Asks the person behind a session again. Who guesses waits as at a sign-in.
    ///
    /// A session that began with a one-time password is asked for the next one, which its owner alone has; every other for
    /// the password. Somebody with a stolen token who makes the account ask for one-time passwords of the own proves nothing
    /// by them: the session began before.
    pub(crate) async fn reauthenticate(
        &self,
        caller: &Caller,
        given: Reauthenticate<'_>,
        now: DateTime<Utc>,
    ) -> Outcome<Reauthenticated> {
        let session = Session { account_id: caller.signed_in()?.user_id, id: caller.signed_in()?.session_id };
        let account = match given {
            Reauthenticate { password: Some(password), one_time_password: None, identity_token: None } => {
                self.by_password(caller, session, password, now).await?
            }
            Reauthenticate { password: None, one_time_password: Some(code), identity_token: None } => {
                self.by_code(caller, session, code, now).await?
            }
            Reauthenticate { password: None, one_time_password: None, identity_token: Some(token) } => {
                self.by_issuer(caller, session, token, now).await?
            }
            _ => {
                let message = "Give the password, the one-time password or a token of your issuer: one of them";
                return Err(Stop::refuse(PASSWORD, UserErrorCode::Required, message));
            }
        };
        let person = Proven { user_id: account.id, session_id: session.id, at: now };
        let claims = ProofClaims::issue(&self.proof.identity.issuer, person, account.token_version);
        let token = self.proof.identity.keys.sign_proof(&claims, now);
        Ok(Reauthenticated { token, expires_at: claims.expires_at() })
    }

    async fn by_password(
        &self,
        caller: &Caller,
        session: Session,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Outcome<Account> {
        let open = sessions::open(&self.pool, session.id, session.account_id).await?;
        if open.as_ref().is_some_and(OpenSession::began_with_code) {
            // Before the password is looked at: whether it is right is nobody's business.
            let message = "The account asks for a one-time password";
            return Err(Stop::refuse(ONE_TIME_PASSWORD, UserErrorCode::Required, message));
        }
        let attempted = Attempted::own_secret("password", session.account_id);
        self.proof.throttle.attempt(&attempted, PASSWORD, now).await?;
        let checked = credentials::by_id(&self.pool, session.account_id).await?;
        let hash = checked.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.proof.passwords.verify(password, hash).await?;
        let checked = checked.filter(|found| is_right && found.active).ok_or_else(|| wrong(PASSWORD))?;
        let account = self.changes.make(&ByPassword { session, checked }, caller, now).await?;
        self.proof.throttle.succeeded(&attempted, now).await;
        Ok(account)
    }

    async fn by_code(&self, caller: &Caller, session: Session, code: &str, now: DateTime<Utc>) -> Outcome<Account> {
        let attempted = Attempted::own_secret("one-time password", session.account_id);
        self.proof.throttle.attempt(&attempted, ONE_TIME_PASSWORD, now).await?;
        let by_code = ByCode { session, code, key: self.proof.identity.totp.as_ref() };
        let account = self.changes.make(&by_code, caller, now).await?;
        self.proof.throttle.succeeded(&attempted, now).await;
        Ok(account)
    }

    /// The issuer must have asked the person just now, and not only have given another token.
    async fn by_issuer(&self, caller: &Caller, session: Session, token: &str, now: DateTime<Utc>) -> Outcome<Account> {
        let identity = match self.proof.identity.foreign.verify(token).await {
            Ok(identity) => identity,
            Err(ForeignError::Invalid) => return Err(wrong(IDENTITY_TOKEN)),
            Err(ForeignError::Unavailable(error)) => {
                tracing::warn!(error = healthbridge_telemetry::causes(&error), "an issuer's keys cannot be had");
                return Err(Fault::IdentityProvider.into());
            }
        };
        let asked_at = identity.asked_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if !asked_at.is_some_and(|asked_at| now - PROOF_LIFETIME <= asked_at && asked_at <= now + AHEAD) {
            let message = "The issuer has not asked the person within the last five minutes (`auth_time`): send the person \
                           there with `prompt=login`";
            return Err(Stop::refuse(IDENTITY_TOKEN, UserErrorCode::NotAllowed, message));
        }
        self.changes.make(&ByIssuer { session, identity }, caller, now).await
    }
}

/// Whatever is wrong, the answer is the same.
fn wrong(field: &str) -> Stop {
    let message = match field {
        ONE_TIME_PASSWORD => "The one-time password is wrong, was used, or is not what this session began with",
        IDENTITY_TOKEN => "The token is invalid, expired, or not this account's",
        _ => "The password is wrong",
    };
    Stop::refuse(field, UserErrorCode::NotAllowed, message)
}

/// The session that asks.
#[derive(Clone, Copy)]
struct Session {
    account_id: Uuid,
    id: Uuid,
}

impl Session {
    /// Whether it is still open; its account is locked.
    async fn open(self, making: &mut Making<'_>, field: &str) -> Outcome<OpenSession> {
        let open = sessions::open(making.connection(), self.id, self.account_id).await?;
        open.ok_or_else(|| wrong(field))
    }

    /// Locks its account, unless that was deactivated meanwhile.
    async fn lock_account(self, making: &mut Making<'_>, field: &str) -> Outcome<Account> {
        let account = accounts::lock(making.connection(), self.account_id).await?;
        account.filter(|account| account.active).ok_or_else(|| wrong(field))
    }
}

/// A person whose password is right.
struct ByPassword {
    session: Session,
    checked: Credentials,
}

impl Change for ByPassword {
    const NAME: &'static str = "reauthenticate";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let account = lock_unchanged(making.connection(), &self.checked).await?.ok_or_else(|| wrong(PASSWORD))?;
        self.session.open(making, PASSWORD).await?;
        Ok(account)
    }
}

/// A person with a one-time password.
struct ByCode<'a> {
    session: Session,
    code: &'a str,
    key: Option<&'a TotpKey>,
}

impl Change for ByCode<'_> {
    const NAME: &'static str = "reauthenticate";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let (id, now) = (self.session.account_id, making.now);
        let account = self.session.lock_account(making, ONE_TIME_PASSWORD).await?;
        let open = self.session.open(making, ONE_TIME_PASSWORD).await?;
        let stored = credentials::by_id(making.connection(), id).await?.and_then(|found| found.totp_secret);
        let is_right = match stored.filter(|_| open.began_with_code()) {
            Some(secret) => takes_code(self.key, making.connection(), id, &secret, self.code, now).await?,
            None => false,
        };
        if is_right { Ok(account) } else { Err(wrong(ONE_TIME_PASSWORD)) }
    }
}

/// A person whom the account's issuer has just asked.
struct ByIssuer {
    session: Session,
    identity: ForeignIdentity,
}

impl Change for ByIssuer {
    const NAME: &'static str = "reauthenticate";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let ForeignIdentity { issuer, subject, .. } = &self.identity;
        let link = credentials::lock_foreign_identity(making.connection(), issuer, subject).await?;
        if link.is_none_or(|link| link.account_id != self.session.account_id) {
            return Err(wrong(IDENTITY_TOKEN));
        }
        let account = self.session.lock_account(making, IDENTITY_TOKEN).await?;
        self.session.open(making, IDENTITY_TOKEN).await?;
        Ok(account)
    }
}
