use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use chrono::Utc;
use healthbridge_telemetry::causes;
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde_json::Value;

use crate::SigningKeys;

/// The public keys that access tokens are verified with, by their id.
///
/// Filled once from a document, read from the keys that this process signs with, or kept fresh from a JWKS that
/// somebody publishes.
pub struct KeyRing {
    keys: RwLock<HashMap<String, DecodingKey>>,
    source: Source,
    kinds: Kinds,
}

enum Source {
    /// The keys stay as they are.
    Fixed,
    /// The keys that this very process signs with.
    Own(Arc<SigningKeys>),
    /// A JWKS on the network.
    Remote(Remote),
}

/// Which kinds of keys are taken: a foreign kind of key in a set must not widen what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    /// Ed25519, which alone signs our tokens.
    Ed25519,
    /// Every kind with a public half, for the tokens of other issuers.
    Asymmetric,
}

struct Remote {
    url: String,
    client: reqwest::Client,
    last_asked: tokio::sync::Mutex<Option<Instant>>,
}

/// An unknown key id makes the ring ask again, but not more often than this.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// Why the published keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The document could not be fetched.
    #[error("cannot fetch the key set")]
    Fetch(#[from] reqwest::Error),
    /// The publisher was asked a moment ago, and has never answered.
    #[error("the key set was never fetched")]
    Never,
    /// The document is no JWKS.
    #[error("the key set is malformed")]
    Malformed(#[from] serde_json::Error),
}

impl KeyRing {
    /// A ring with the keys of this JWKS document, for good.
    pub fn fixed(jwks: &Value) -> Result<Self, JwksError> {
        let kinds = Kinds::Ed25519;
        Ok(Self { keys: RwLock::new(read(jwks, kinds)?), source: Source::Fixed, kinds })
    }

    /// A ring that has the keys that this process signs with, as they come and go.
    #[expect(clippy::disallowed_methods, reason = "which keys are published depends on the time")]
    pub fn own(keys: Arc<SigningKeys>) -> Result<Self, JwksError> {
        Ok(Self { source: Source::Own(keys.clone()), ..Self::fixed(&keys.jwks(Utc::now()))? })
    }

    /// An empty ring of our own keys that fills itself from a URL.
    pub fn remote(url: impl Into<String>) -> Result<Self, JwksError> {
        Self::from_url(url.into(), Kinds::Ed25519)
    }

    /// An empty ring of another issuer's keys, of any kind with a public half, that fills itself from a URL.
    pub fn foreign(url: impl Into<String>) -> Result<Self, JwksError> {
        Self::from_url(url.into(), Kinds::Asymmetric)
    }

    fn from_url(url: String, kinds: Kinds) -> Result<Self, JwksError> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let remote = Remote { url, client, last_asked: tokio::sync::Mutex::new(None) };
        Ok(Self { keys: RwLock::default(), source: Source::Remote(remote), kinds })
    }

    /// Whether there is any key: without one every token would be refused.
    pub fn is_ready(&self) -> bool {
        !self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Fetches the published keys now. A ring with fixed keys stays as it is.
    #[expect(clippy::disallowed_methods, reason = "which keys are published depends on the time")]
    pub async fn refresh(&self) -> Result<(), JwksError> {
        match &self.source {
            Source::Fixed => Ok(()),
            Source::Own(keys) => self.set(&keys.jwks(Utc::now())),
            Source::Remote(remote) => {
                let fetched = self.fetch(remote).await;
                *remote.last_asked.lock().await = Some(Instant::now());
                fetched
            }
        }
    }

    /// Fetches the published keys for ever, each `period`; a failure keeps the keys there are.
    pub async fn keep_fresh(&self, period: Duration) {
        let mut failing = false;
        loop {
            match self.refresh().await {
                Ok(()) => failing = false,
                Err(error) => {
                    // Once per outage: a dead neighbour must not fill the log.
                    if !failing {
                        tracing::warn!(
                            error = causes(&error),
                            "the key set cannot be refreshed; the known keys stay in use"
                        );
                    }
                    failing = true;
                }
            }
            let wait = if self.is_ready() { period } else { MIN_REFRESH };
            tokio::time::sleep(wait).await;
        }
    }

    /// The key with this id; asks the publisher when it is unknown.
    ///
    /// # Errors
    /// When the key is unknown and the publisher could not be asked.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<DecodingKey>, JwksError> {
        if let Some(key) = self.known(id) {
            return Ok(Some(key));
        }
        let Source::Remote(remote) = &self.source else {
            self.refresh().await?;
            return Ok(self.known(id));
        };
        let mut last_asked = remote.last_asked.lock().await;
        // Somebody who waited for the lock finds what the first one fetched.
        if let Some(key) = self.known(id) {
            return Ok(Some(key));
        }
        if last_asked.is_none_or(|asked| asked.elapsed() >= MIN_REFRESH) {
            let fetched = self.fetch(remote).await;
            // After it: those who waited while a slow publisher failed must not each try again.
            *last_asked = Some(Instant::now());
            fetched?;
        } else if !self.is_ready() {
            return Err(JwksError::Never);
        }
        Ok(self.known(id))
    }

    fn known(&self, id: &str) -> Option<DecodingKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    async fn fetch(&self, remote: &Remote) -> Result<(), JwksError> {
        let answer = remote.client.get(&remote.url).send().await?.error_for_status()?;
        self.set(&answer.json().await?)
    }

    fn set(&self, jwks: &Value) -> Result<(), JwksError> {
        let keys = read(jwks, self.kinds)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }
}

fn read(jwks: &Value, kinds: Kinds) -> Result<HashMap<String, DecodingKey>, serde_json::Error> {
    // Key by key: an issuer may publish one of a kind that we cannot read beside those that we can.
    let keys: Vec<Value> = serde_json::from_value(jwks.get("keys").cloned().unwrap_or_default())?;
    let keys = keys.into_iter().filter_map(|jwk| {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let id = jwk.common.key_id.clone()?;
        let is_for_signatures = !matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
        (is_for_signatures && kinds.take(&jwk)).then(|| DecodingKey::from_jwk(&jwk).ok()).flatten().map(|key| (id, key))
    });
    Ok(keys.collect())
}

impl Kinds {
    fn take(self, jwk: &Jwk) -> bool {
        match jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(_) => true,
            AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_) => self == Self::Asymmetric,
            // A shared secret is no public key, whoever publishes it.
            _ => false,
        }
    }
}
