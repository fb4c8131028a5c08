use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use healthbridge_keys::{KeyError, Superseded, Turns};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{ACCESS_TOKEN_LIFETIME, Claims, SigningKey, signing};

/// A superseded key is published as long as its last token lasts, and a little more for clocks that differ.
const SUPERSEDED: Superseded = Superseded::Forgotten(ACCESS_TOKEN_LIFETIME.saturating_add(Duration::from_secs(60)));

/// The keys that sign access tokens, one after the other.
///
/// A rotation adds a key that is published at once and signs from a moment in the future, so that everybody who verifies
/// has it before its first token; the key before it stays published until its last token has expired. The file is read
/// again when it changes: no part needs to be restarted.
pub struct SigningKeys(Turns);

impl SigningKeys {
    /// One key, for good.
    pub fn only(key: Arc<SigningKey>) -> Self {
        Self(Turns::only(key.key.clone()))
    }

    /// Reads the file, which only its owner (and for mounted secrets its group) may read; makes it, with one new key and
    /// mode 0600, where there is none.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open_or_create(file: &Path) -> Result<Self, KeyError> {
        Turns::open_or_create(file).map(Self)
    }

    /// Adds a key to the file that signs from `signs_from` on, and removes those that nobody needs any more. Gives the new
    /// key's id.
    ///
    /// # Errors
    /// When the file cannot be used, or the last rotation's key does not sign yet.
    pub fn rotate(file: &Path, signs_from: DateTime<Utc>, now: DateTime<Utc>) -> Result<String, KeyError> {
        Turns::rotate(file, signs_from, SUPERSEDED, now)
    }

    /// The public halves as a JSON Web Key Set (RFC 7517): of the key that signs, of the next one, and of those whose
    /// tokens have not all expired.
    pub fn jwks(&self, now: DateTime<Utc>) -> Value {
        let published = SUPERSEDED.applied_to(self.0.keys(), now);
        let keys: Vec<Value> = published.iter().map(|dated| dated.public().jwk()).collect();
        json!({ "keys": keys })
    }

    /// Signs an access token with the key whose turn it is.
    pub fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> String {
        self.sign_claims(claims, now)
    }

    pub(crate) fn sign_claims(&self, claims: &impl Serialize, now: DateTime<Utc>) -> String {
        signing::sign(&self.0.turn(now), claims)
    }

    /// 32 bytes for a purpose that nobody can work out who has not these keys, and the same each time: first by the key
    /// whose turn it is, then by each other one, for what was derived before a rotation.
    pub fn derive(&self, purpose: &str, input: &[u8], now: DateTime<Utc>) -> Vec<[u8; 32]> {
        let keys = self.0.keys();
        let mut keys: Vec<_> = keys.iter().filter_map(|dated| Some((dated.signs_from, dated.key()?))).collect();
        let turn = keys.iter().rposition(|(signs_from, _)| *signs_from <= now).unwrap_or_default();
        keys.swap(0, turn);
        keys.iter().map(|(_, key)| key.derive(purpose, input)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    use super::*;

    fn ids(keys: &SigningKeys, now: DateTime<Utc>) -> Vec<String> {
        let jwks = keys.jwks(now);
        let keys = jwks["keys"].as_array().expect("keys").iter();
        keys.map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_have_expired() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signing.pem");
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let minutes = |minutes| now + chrono::Duration::minutes(minutes);
        let old = ids(&SigningKeys::open_or_create(&file).expect("made"), now).remove(0);
        let new = SigningKeys::rotate(&file, minutes(1), now).expect("rotated");
        assert!(matches!(SigningKeys::rotate(&file, minutes(2), now), Err(KeyError::Rotating)));
        let keys = SigningKeys::open_or_create(&file).expect("read");
        let signer = |at| {
            let header = jsonwebtoken::decode_header(keys.sign(&crate::token::tests_claims(at), at)).expect("a token");
            header.kid.expect("a key's id")
        };
        assert_eq!((ids(&keys, now), signer(now)), (vec![old.clone(), new.clone()], old.clone()));
        assert_eq!((ids(&keys, minutes(1)), signer(minutes(1))), (vec![old.clone(), new.clone()], new.clone()));
        assert_eq!(ids(&keys, minutes(16)), [old, new.clone()], "its last token has not expired everywhere");
        assert_eq!(ids(&keys, minutes(17)), [new.as_str()]);
        let (before, after) = (keys.derive("test", b"input", now), keys.derive("test", b"input", minutes(1)));
        assert_eq!(before, [after[1], after[0]], "what the old key derived is found after the rotation");
        assert_ne!(before, keys.derive("another", b"input", now));
        SigningKeys::rotate(&file, minutes(18), minutes(17)).expect("rotated");
        let text = fs::read_to_string(&file).expect("the file");
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 2, "a key that nobody needs is removed");
        assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o604)).expect("opened");
        assert!(matches!(SigningKeys::open_or_create(&file), Err(KeyError::Exposed(_))));
    }
}
