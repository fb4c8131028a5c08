use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use serde_json::Value;

/// The public keys that access tokens are verified with, by their id.
///
/// Filled once from a document, or kept fresh from the JWKS that the patients subgraph publishes.
pub struct KeyRing {
    keys: RwLock<HashMap<String, DecodingKey>>,
    remote: Option<Remote>,
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
    /// The document is no JWKS.
    #[error("the key set is malformed")]
    Malformed(#[from] serde_json::Error),
}

impl KeyRing {
    /// A ring with the keys of this JWKS document, for good.
    pub fn fixed(jwks: &Value) -> Result<Self, JwksError> {
        Ok(Self { keys: RwLock::new(read(jwks)?), remote: None })
    }

    /// An empty ring that fills itself from a URL.
    pub fn remote(url: impl Into<String>) -> Result<Self, JwksError> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let remote = Remote { url: url.into(), client, last_asked: tokio::sync::Mutex::new(None) };
        Ok(Self { keys: RwLock::default(), remote: Some(remote) })
    }

    /// Whether there is any key: without one every token would be refused.
    pub fn is_ready(&self) -> bool {
        !self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Fetches the published keys now. A ring with fixed keys stays as it is.
    pub async fn refresh(&self) -> Result<(), JwksError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        *remote.last_asked.lock().await = Some(Instant::now());
        self.fetch(remote).await
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
                        tracing::warn!(%error, "the key set cannot be refreshed; the known keys stay in use");
                    }
                    failing = true;
                }
            }
            let wait = if self.is_ready() { period } else { MIN_REFRESH };
            tokio::time::sleep(wait).await;
        }
    }

    /// The key with this id; asks the publisher when it is unknown.
    pub(crate) async fn find(&self, id: &str) -> Option<DecodingKey> {
        if let Some(key) = self.known(id) {
            return Some(key);
        }
        let remote = self.remote.as_ref()?;
        let mut last_asked = remote.last_asked.lock().await;
        // Somebody who waited for the lock finds what the first one fetched.
        if let Some(key) = self.known(id) {
            return Some(key);
        }
        if last_asked.is_none_or(|asked| asked.elapsed() >= MIN_REFRESH) {
            *last_asked = Some(Instant::now());
            if let Err(error) = self.fetch(remote).await {
                tracing::warn!(%error, "a token names an unknown key and the key set cannot be fetched");
            }
        }
        self.known(id)
    }

    fn known(&self, id: &str) -> Option<DecodingKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    async fn fetch(&self, remote: &Remote) -> Result<(), JwksError> {
        let answer = remote.client.get(&remote.url).send().await?.error_for_status()?;
        let keys = read(&answer.json().await?)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }
}

/// Only Ed25519 keys are taken: a foreign kind of key in the set must not widen what is accepted.
fn read(jwks: &Value) -> Result<HashMap<String, DecodingKey>, serde_json::Error> {
    let set: JwkSet = serde_json::from_value(jwks.clone())?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let id = jwk.common.key_id.clone()?;
        let is_okp = matches!(jwk.algorithm, jsonwebtoken::jwk::AlgorithmParameters::OctetKeyPair(_));
        is_okp.then(|| DecodingKey::from_jwk(jwk).ok()).flatten().map(|key| (id, key))
    });
    Ok(keys.collect())
}
