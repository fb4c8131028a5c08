//! How guessing is slowed down. `docs/decisions/0024-who-waits.md` has the reasons.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use healthbridge_auth::customer_network;
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{domain::attempt::Crowd, store::attempts};

/// How long an attempt during a wait is left without its answer.
const BLOCKED_ANSWER: std::time::Duration = std::time::Duration::from_millis(200);

/// Whose attempts are counted. Only the own mistakes make anybody wait; what others did at the same address or against the
/// same account makes the own ones count sooner.
pub(super) struct Attempted {
    own: Vec<u8>,
    crowds: Vec<Crowd>,
    free: i32,
}

fn digest(parts: [&str; 3]) -> Vec<u8> {
    Sha256::digest(parts.join("\0")).to_vec()
}

fn network(address: Option<IpAddr>) -> String {
    address.map(|address| customer_network(address).to_string()).unwrap_or_default()
}

impl Attempted {
    /// A sign-in: the email address in lower case, whether it has an account or not, from this network.
    pub(super) fn sign_in(email: &str, address: Option<IpAddr>) -> Self {
        let address = network(address);
        let crowd = |subject, hot, crowded| Crowd { subject, hot, crowded };
        Self {
            own: digest(["pair", email, &address]),
            crowds: vec![
                // A whole clinic, or everybody behind a proxy that nobody configured, may share an address.
                crowd(digest(["address", "", &address]), 50, 1000),
                crowd(digest(["account", email, ""]), 100, i32::MAX),
            ],
            free: 5,
        }
    }

    /// A secret of this kind of an account, which somebody with a token of the account tries.
    pub(super) fn own_secret(kind: &str, account: Uuid) -> Self {
        Self { own: digest(["secret", kind, &account.to_string()]), crowds: Vec::new(), free: 5 }
    }

    /// A registration from this network: each costs the hash of a password.
    pub(super) fn registration(address: Option<IpAddr>) -> Self {
        Self { own: digest(["registration", "", &network(address)]), crowds: Vec::new(), free: 20 }
    }
}

/// What is counted of attempts.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    pool: PgPool,
}

impl Throttle {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Counts an attempt, whatever becomes of it; refuses the value at `field` of whoever has to wait.
    pub(super) async fn attempt(&self, attempted: &Attempted, field: &str, now: DateTime<Utc>) -> Outcome<()> {
        let Attempted { own, crowds, free } = attempted;
        let Some(until) = attempts::attempt(&self.pool, own, crowds, *free, now).await? else { return Ok(()) };
        // Who asks again at once is answered late: a guesser's many requests then cost nobody else anything.
        tokio::time::sleep(BLOCKED_ANSWER).await;
        let seconds = (until - now).num_seconds().max(0) + 1;
        let message = format!("Too many attempts: try again in {seconds} seconds");
        Err(Stop::refuse(field, UserErrorCode::NotAllowed, message))
    }

    /// Notes that an attempt succeeded. What was done by it is done: that this cannot be noted fails nobody.
    pub(super) async fn succeeded(&self, attempted: &Attempted, now: DateTime<Utc>) {
        if let Err(error) = attempts::succeed(&self.pool, &attempted.own, &attempted.crowds, now).await {
            tracing::warn!(%error, "a success cannot be noted: the next mistakes wait sooner");
        }
    }
}
