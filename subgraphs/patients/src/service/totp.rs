//! One-time passwords by time (RFC 6238), as a second proof beside the password.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use chrono::{DateTime, Utc};
use healthbridge_auth::{Caller, Denied};
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use totp_rs::{Algorithm, TOTP};
use uuid::Uuid;

use super::{Service, sessions::lock_unchanged, throttle::Attempted};
use crate::{domain::Account, store::Store};

/// Length of a step in seconds, and how many digits a one-time password has: what every authenticator app expects.
const STEP: u64 = 30;
const DIGITS: usize = 6;
/// RFC 4226 recommends 160 bits.
const SECRET_LENGTH: usize = 20;
const NONCE_LENGTH: usize = 12;

/// The key that the secrets of one-time passwords are encrypted with. It is kept outside of the database.
pub struct TotpKey(Aes256Gcm);

/// The text is no key.
#[derive(Debug, thiserror::Error)]
#[error("the key of one-time passwords is not 64 hexadecimal digits")]
pub struct InvalidTotpKey;

/// A new secret, to be put into an authenticator app.
pub(crate) struct Enrolment {
    pub secret: String,
    pub url: String,
}

impl TotpKey {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_hex(text: &SecretString) -> Result<Self, InvalidTotpKey> {
        let bytes = hex::decode(text.expose_secret().trim()).map_err(|_| InvalidTotpKey)?;
        Aes256Gcm::new_from_slice(&bytes).map(Self).map_err(|_| InvalidTotpKey)
    }

    /// Bound to the account: a secret that was copied to another account's row cannot be read.
    fn encrypt(&self, account: Uuid, secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: secret, aad: account.as_bytes() };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    fn decrypt(&self, account: Uuid, stored: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = stored.split_at_checked(NONCE_LENGTH)?;
        self.0.decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: account.as_bytes() }).ok()
    }
}

/// The step whose one-time password this is: the present one or, for clocks that differ, one before or behind it.
fn step_of(secret: Vec<u8>, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let totp = generator(secret, String::new())?;
    let present = u64::try_from(now.timestamp()).ok()? / STEP;
    let is_right = |step: &u64| totp.generate(step * STEP) == code.trim();
    (present.saturating_sub(1)..=present + 1).find(is_right).and_then(|step| i64::try_from(step).ok())
}

fn generator(secret: Vec<u8>, account: String) -> Option<TOTP> {
    TOTP::new(Algorithm::SHA1, DIGITS, 1, STEP, secret, Some("HealthBridge".to_owned()), account).ok()
}

#[derive(Debug, thiserror::Error)]
#[error("a secret of one-time passwords cannot be encrypted or read: is the key another one?")]
struct Unreadable;

/// Whether a one-time password of an account that is locked is right; each is so once.
pub(super) async fn takes_code(
    key: Option<&TotpKey>,
    connection: &mut PgConnection,
    account: Uuid,
    stored: &[u8],
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let key = key.ok_or_else(|| ApiError::internal(Unreadable))?;
    let secret = key.decrypt(account, stored).ok_or_else(|| ApiError::internal(Unreadable))?;
    match step_of(secret, code, now) {
        Some(step) => Store::use_totp_step(connection, account, step, now).await.map_err(ApiError::internal),
        None => Ok(false),
    }
}

impl Service {
    /// Makes a secret for the caller's authenticator app. It is asked for once it is confirmed.
    pub(crate) async fn begin_totp(&self, caller: &Caller) -> Result<Outcome<Enrolment>, ApiError> {
        let own = caller.account().ok_or(Denied)?;
        let refuse = |code, message: &str| Ok(Err(vec![UserError { code, message: message.to_owned(), field: None }]));
        let Some(key) = &self.totp else {
            return refuse(UserErrorCode::NotAllowed, "This installation is not set up for one-time passwords");
        };
        let mut secret = vec![0; SECRET_LENGTH];
        getrandom::fill(&mut secret).map_err(|error| ApiError::internal(std::io::Error::other(error.to_string())))?;
        let sealed = key.encrypt(own.user_id, &secret).ok_or_else(|| ApiError::internal(Unreadable))?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let account = lock_active(&mut transaction, own.user_id).await?;
        if !Store::begin_totp(&mut transaction, account.id, &sealed).await.map_err(ApiError::internal)? {
            return refuse(UserErrorCode::AlreadyExists, "One-time passwords are asked for already");
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        let totp = generator(secret, account.email).ok_or_else(|| ApiError::internal(Unreadable))?;
        Ok(Ok(Enrolment { secret: totp.get_secret_base32(), url: totp.get_url() }))
    }

    /// Confirms the caller's authenticator app by its first one-time password.
    pub(crate) async fn confirm_totp(
        &self,
        caller: &Caller,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let own = caller.account().ok_or(Denied)?;
        let refuse = |message: &str| Ok(Err(vec![UserError::at("code", UserErrorCode::NotAllowed, message)]));
        let attempted = Attempted::own_secret("one-time password", own.user_id);
        if let Err(message) = self.attempt(&attempted, now).await? {
            return refuse(&message);
        }
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let account = lock_active(&mut transaction, own.user_id).await?;
        let stored = Store::totp(&mut transaction, account.id).await.map_err(ApiError::internal)?.ok_or(Denied)?;
        let is_right = match stored.secret.filter(|_| !stored.is_confirmed) {
            Some(secret) => takes_code(self.totp.as_ref(), &mut transaction, account.id, &secret, code, now).await?,
            None => false,
        };
        if !is_right {
            return refuse("This is not the present one-time password of a secret that waits to be confirmed");
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        self.succeeded(&attempted, now).await;
        self.own_account(own.user_id).await.map(Ok)
    }

    /// Asks the caller's account for one-time passwords no longer; the password proves who it is.
    pub(crate) async fn disable_totp(
        &self,
        caller: &Caller,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let own = caller.account().ok_or(Denied)?;
        let refuse = |message: &str| Ok(Err(vec![UserError::at("password", UserErrorCode::NotAllowed, message)]));
        let credentials = match self.prove(own.user_id, password, now).await? {
            Ok(credentials) => credentials,
            Err(message) => return refuse(&message),
        };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        if lock_unchanged(&mut transaction, &credentials).await?.is_none() {
            return refuse("The account has changed meanwhile: try again");
        }
        Store::clear_totp(&mut transaction, own.user_id).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        self.own_account(own.user_id).await.map(Ok)
    }

    pub(super) async fn own_account(&self, id: Uuid) -> Result<Account, ApiError> {
        let accounts = self.store.accounts_by_id(&[id]).await.map_err(ApiError::internal)?;
        accounts.into_iter().next().ok_or(ApiError::Unauthorized)
    }
}

/// Locks the account of somebody who is signed in, unless it was deactivated meanwhile.
async fn lock_active(connection: &mut PgConnection, id: Uuid) -> Result<Account, ApiError> {
    let account = Store::lock_account(connection, id).await.map_err(ApiError::internal)?;
    account.filter(|account| account.active).ok_or(ApiError::Unauthorized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passwords_are_those_of_rfc_6238() {
        // Appendix B, SHA1, the last six of its eight digits.
        let secret = b"12345678901234567890".to_vec();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step_of(secret.clone(), code, at(seconds)), Some(seconds / 30));
            assert_eq!(step_of(secret.clone(), code, at(seconds + 30)), Some(seconds / 30), "half a minute late");
            assert_eq!(step_of(secret.clone(), code, at(seconds + 61)), None);
        }
    }

    #[test]
    fn a_secret_is_read_with_its_key_and_for_its_account_only() {
        let key = |digit: &str| TotpKey::from_hex(&digit.repeat(64).into()).expect("a key");
        let account = Uuid::now_v7();
        let sealed = key("a").encrypt(account, b"secret").expect("sealed");
        assert_eq!(key("a").decrypt(account, &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(key("b").decrypt(account, &sealed), None);
        assert_eq!(key("a").decrypt(Uuid::now_v7(), &sealed), None);
        assert!(TotpKey::from_hex(&"a".repeat(63).into()).is_err());
    }
}
