//! One-time passwords by time (RFC 6238), as a second proof beside the password.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use chrono::{DateTime, Utc};
use healthbridge_outcome::Fault;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use totp_rs::{Algorithm, TOTP};
use uuid::Uuid;

use super::random;
use crate::store::credentials;

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
    fn encrypt(&self, account: Uuid, secret: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce = random::<NONCE_LENGTH>()?;
        let payload = Payload { msg: secret, aad: account.as_bytes() };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| Fault::internal(Unreadable))?;
        Ok([&nonce[..], &sealed].concat())
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

/// A new secret, and how it is kept.
pub(super) fn new_secret(key: &TotpKey, account: Uuid) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let secret = random::<SECRET_LENGTH>()?;
    Ok((secret.to_vec(), key.encrypt(account, &secret)?))
}

/// A secret as authenticator apps take it: in base 32, and as a URL.
pub(super) fn for_app(secret: Vec<u8>, email: String) -> Result<(String, String), Fault> {
    let totp = generator(secret, email).ok_or_else(|| Fault::internal(Unreadable))?;
    Ok((totp.get_secret_base32(), totp.get_url()))
}

/// Whether a one-time password of an account that is locked is right; each is so once.
pub(super) async fn takes_code(
    key: Option<&TotpKey>,
    connection: &mut PgConnection,
    account: Uuid,
    stored: &[u8],
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let secret = key.and_then(|key| key.decrypt(account, stored)).ok_or_else(|| Fault::internal(Unreadable))?;
    match step_of(secret, code, now) {
        Some(step) => Ok(credentials::use_totp_step(connection, account, step, now).await?),
        None => Ok(false),
    }
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
