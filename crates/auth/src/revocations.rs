use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use healthbridge_telemetry::causes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{ACCESS_TOKEN_LIFETIME, JwksError};

/// How often the feed is polled: a revocation takes effect everywhere within two of these.
const PERIOD: Duration = Duration::from_secs(1);

/// Polls that fail for longer are worth an operator's look: a revocation has not arrived here in time.
const STALE: Duration = Duration::from_secs(5);

/// After this a revoked token has expired by itself, with a margin for clocks that differ.
const OUTLIVED: Duration = ACCESS_TOKEN_LIFETIME.saturating_add(Duration::from_secs(60));

/// Tokens that must no longer be taken although they have not expired.
///
/// Filled from the feed of the patients subgraph. While that cannot be reached what is known goes on, and tokens end by
/// themselves after 15 minutes.
#[derive(Debug, Default)]
pub struct Revocations {
    known: RwLock<Known>,
    /// When the feed was last read, or when that was first tried.
    heard: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    cursor: i64,
    /// By subject: the lowest token version that is still taken, or `None` for none at all; and when that was learned.
    subjects: HashMap<String, (Option<i32>, Instant)>,
}

/// A page of the feed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevocationFeed {
    /// Where the next page begins.
    pub cursor: i64,
    /// What was revoked.
    pub revocations: Vec<Revocation>,
}

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// SHA-256 of the session's or the account's id, lower-case hex: the feed names nobody.
    pub subject: String,
    /// Of an account: the lowest token version that is still taken.
    pub min_token_version: Option<i32>,
}

impl Revocations {
    /// The subject of a session or an account.
    pub fn subject(id: Uuid) -> [u8; 32] {
        Sha256::digest(id.as_bytes()).into()
    }

    /// Whether a token of this account, session and version is revoked.
    pub fn cover(&self, account: Uuid, session: Uuid, token_version: i32) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.subjects.is_empty() {
            return false;
        }
        let revoked = |id| known.subjects.get(&hex::encode(Self::subject(id)));
        let is_over = |(min, _): &(Option<i32>, Instant)| min.is_none_or(|min| token_version < min);
        revoked(session).is_some() || revoked(account).is_some_and(is_over)
    }

    /// Takes in a page of the feed.
    pub fn learn(&self, feed: RevocationFeed) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.cursor = known.cursor.max(feed.cursor);
        if feed.revocations.is_empty() {
            return;
        }
        known.subjects.retain(|_, (_, learned)| learned.elapsed() < OUTLIVED);
        for one in feed.revocations {
            // The feed is in order: the last word on an account counts.
            known.subjects.insert(one.subject, (one.min_token_version, Instant::now()));
        }
    }

    /// Whether the feed should be polled and has not been read for more than 5 seconds. What is known goes on.
    pub fn are_stale(&self) -> bool {
        self.age().is_some_and(|age| age > STALE)
    }

    fn age(&self) -> Option<Duration> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).map(|heard| heard.elapsed())
    }

    fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Polls the feed at this URL for ever. The gauge `healthbridge_revocations_age_seconds` says when it was last read.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub async fn keep_fresh(&self, url: &str) -> Result<(), JwksError> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let mut failing = false;
        self.hear();
        loop {
            match self.poll(&client, url).await {
                Ok(()) => {
                    failing = false;
                    self.hear();
                }
                Err(error) => {
                    // Once per outage: a dead neighbour must not fill the log.
                    if !failing {
                        tracing::warn!(
                            error = causes(&error),
                            "revocations cannot be polled; tokens go on until they expire"
                        );
                    }
                    failing = true;
                }
            }
            metrics::gauge!("healthbridge_revocations_age_seconds").set(self.age().unwrap_or_default().as_secs_f64());
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn poll(&self, client: &reqwest::Client, url: &str) -> Result<(), reqwest::Error> {
        let cursor = self.known.read().unwrap_or_else(PoisonError::into_inner).cursor;
        let answer = client.get(url).query(&[("after", cursor)]).send().await?.error_for_status()?;
        self.learn(answer.json().await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_revoked_whole_and_an_account_below_a_version() {
        let (account, session) = (Uuid::now_v7(), Uuid::now_v7());
        let revocations = Revocations::default();
        let one = |id, min_token_version| RevocationFeed {
            cursor: 1,
            revocations: vec![Revocation { subject: hex::encode(Revocations::subject(id)), min_token_version }],
        };
        assert!(!revocations.cover(account, session, 1));
        revocations.learn(one(account, Some(2)));
        assert!(revocations.cover(account, session, 1) && !revocations.cover(account, session, 2));
        revocations.learn(one(session, None));
        assert!(revocations.cover(account, session, 2) && !revocations.cover(account, Uuid::now_v7(), 2));
    }
}
