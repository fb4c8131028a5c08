use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use healthbridge_keys::{Key, KeyError, PublicKey, Superseded, Turns};
use serde_json::{Value, json};

use crate::{Signature, Statement};

/// A superseded key signs no more once every clock agrees that the next one does. What it signed is verified for ever.
const SUPERSEDED: Superseded = Superseded::Published(Duration::from_secs(60));

/// The keys of an installation that sign reports, one after the other. They are no keys of tokens: whoever can sign people
/// in cannot sign reports.
pub struct Signers(Turns);

impl Signers {
    /// One new key, which nobody keeps: for tests.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self(Turns::only(Arc::new(Key::generate()?))))
    }

    /// Reads the file, which only its owner (and for mounted secrets its group) may read; makes it, with one new key and
    /// mode 0600, where there is none. Replicas share it.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open_or_create(file: &Path) -> Result<Self, KeyError> {
        Turns::open_or_create(file).map(Self)
    }

    /// Adds a key to the file that signs from `signs_from` on. Of those before it the public halves stay for ever. Gives
    /// the new key's id.
    ///
    /// # Errors
    /// When the file cannot be used, or the last rotation's key does not sign yet.
    pub fn rotate(file: &Path, signs_from: DateTime<Utc>, now: DateTime<Utc>) -> Result<String, KeyError> {
        Turns::rotate(file, signs_from, SUPERSEDED, now)
    }

    /// Whether the file still is what it has to be.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn check(&self) -> Result<(), KeyError> {
        self.0.check()
    }

    /// Signs a statement with the key whose turn it is.
    pub fn sign(&self, statement: &Statement, now: DateTime<Utc>) -> Signature {
        let key = self.0.turn(now);
        Signature::of(key.id(), &key.sign(&statement.bytes()))
    }

    /// The public halves of all keys that ever signed, and of the next one, as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.0.keys().iter().map(|dated| dated.public().jwk()).collect();
        json!({ "keys": keys })
    }

    /// The same, to verify with.
    pub fn public_keys(&self) -> PublicKeys {
        self.0.keys().iter().map(|dated| dated.public().clone()).collect()
    }
}

/// The published keys, by their id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys(HashMap<String, PublicKey>);

/// It is no key set of reports.
#[derive(Debug, thiserror::Error)]
pub enum NoKeySet {
    /// It is something else.
    #[error("this is no JSON Web Key Set")]
    Malformed(#[from] serde_json::Error),
    /// It has no key that could have signed a report.
    #[error("the key set has no Ed25519 key that is named by its thumbprint")]
    Empty,
}

impl PublicKeys {
    /// Reads a JSON Web Key Set. Keys of other kinds are left aside, and keys that are not named by their thumbprint.
    ///
    /// # Errors
    /// When it is something else, or no key is left.
    pub fn from_jwks(text: &[u8]) -> Result<Self, NoKeySet> {
        let jwks: Value = serde_json::from_slice(text)?;
        let keys: Vec<Value> = serde_json::from_value(jwks.get("keys").cloned().unwrap_or_default())?;
        let keys: Self = keys.iter().filter_map(|jwk| PublicKey::from_jwk(jwk).ok()).collect();
        if keys.0.is_empty() { Err(NoKeySet::Empty) } else { Ok(keys) }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&PublicKey> {
        self.0.get(id)
    }
}

impl FromIterator<PublicKey> for PublicKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.id().to_owned(), key)).collect())
    }
}
