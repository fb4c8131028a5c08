use chrono::{DateTime, Utc};

use super::Store;

/// Whether a sign-in may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Its password is to be verified.
    Allowed,
    /// Too many were tried before.
    BlockedUntil(DateTime<Utc>),
}

impl Store {
    /// Counts an attempt before its password is verified, so that attempts at once cannot all be the first one. From the
    /// sixth on each is followed by a wait: 2, 4, 8 … at most 60 seconds. An hour without attempts forgets them.
    pub(crate) async fn attempt_sign_in(&self, subject: &[u8], now: DateTime<Utc>) -> Result<Attempt, sqlx::Error> {
        let counted = sqlx::query_scalar!(
            "INSERT INTO patients.sign_in_attempt AS old (subject, attempts, last_at, blocked_until)
             VALUES ($1, 1, $2, $2)
             ON CONFLICT (subject) DO UPDATE
             SET attempts = CASE WHEN old.last_at < $2 - interval '1 hour' THEN 1 ELSE old.attempts + 1 END,
                 last_at = $2,
                 blocked_until = $2 + make_interval(secs => CASE
                     WHEN old.last_at < $2 - interval '1 hour' OR old.attempts < 5 THEN 0
                     ELSE least(60, power(2, least(old.attempts, 20) - 4)) END)
             WHERE old.blocked_until <= $2
             RETURNING attempts",
            subject,
            now,
        );
        if counted.fetch_optional(&self.pool).await?.is_some() {
            return Ok(Attempt::Allowed);
        }
        let until =
            sqlx::query_scalar!("SELECT blocked_until FROM patients.sign_in_attempt WHERE subject = $1", subject);
        // A success in between has forgotten the attempts.
        Ok(until.fetch_optional(&self.pool).await?.map_or(Attempt::Allowed, Attempt::BlockedUntil))
    }

    /// Forgets the attempts after a success.
    pub(crate) async fn forget_attempts(&self, subject: &[u8]) -> Result<(), sqlx::Error> {
        let forgotten = sqlx::query!("DELETE FROM patients.sign_in_attempt WHERE subject = $1", subject);
        forgotten.execute(&self.pool).await.map(drop)
    }
}
