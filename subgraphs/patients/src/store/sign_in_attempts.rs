use chrono::{DateTime, Utc};

use super::Store;

/// Something whose attempts to sign in are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// A digest: the table names nobody.
    pub subject: Vec<u8>,
    /// How many attempts are free.
    pub free: i32,
    /// The longest wait after an attempt, in seconds.
    pub longest_wait: i32,
}

/// Whether a sign-in may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Its password is to be verified.
    Allowed,
    /// Too many were tried before.
    BlockedUntil(DateTime<Utc>),
}

impl Store {
    /// Counts an attempt against all of these before its password is verified, so that attempts at once cannot all be the
    /// first one. After the free ones each is followed by a wait of 2, 4, 8 … seconds. An attempt during a wait is not
    /// counted. An hour without attempts forgets them.
    pub(crate) async fn attempt_sign_in(
        &self,
        counted: &[Counted],
        now: DateTime<Utc>,
    ) -> Result<Attempt, sqlx::Error> {
        let subjects: Vec<Vec<u8>> = counted.iter().map(|one| one.subject.clone()).collect();
        let free: Vec<i32> = counted.iter().map(|one| one.free).collect();
        let longest: Vec<i32> = counted.iter().map(|one| one.longest_wait).collect();
        let blocked = sqlx::query_scalar!(
            "SELECT max(blocked_until) FROM patients.sign_in_attempt WHERE subject = ANY($1) AND blocked_until > $2",
            &subjects,
            now,
        );
        if let Some(until) = blocked.fetch_one(&self.pool).await? {
            return Ok(Attempt::BlockedUntil(until));
        }
        // In one order, so that two attempts never wait for each other.
        let passed = sqlx::query_scalar!(
            "INSERT INTO patients.sign_in_attempt AS old (subject, attempts, last_at, blocked_until)
             SELECT subject, 1, $4, $4 FROM unnest($1::bytea[]) AS counted (subject) ORDER BY subject
             ON CONFLICT (subject) DO UPDATE
             SET attempts = CASE WHEN old.last_at < $4 - interval '1 hour' THEN 1 ELSE old.attempts + 1 END,
                 last_at = $4,
                 blocked_until = $4 + make_interval(secs => (
                     SELECT CASE WHEN old.last_at < $4 - interval '1 hour' OR old.attempts < counted.free THEN 0
                                 ELSE least(counted.longest, power(2, least(old.attempts - counted.free, 20) + 1)) END
                     FROM unnest($1::bytea[], $2::integer[], $3::integer[]) AS counted (subject, free, longest)
                     WHERE counted.subject = old.subject))
             WHERE old.blocked_until <= $4
             RETURNING subject",
            &subjects,
            &free,
            &longest,
            now,
        );
        if passed.fetch_all(&self.pool).await?.len() == counted.len() {
            return Ok(Attempt::Allowed);
        }
        // Somebody else's attempt has just closed the door.
        Ok(Attempt::BlockedUntil(now + chrono::Duration::seconds(2)))
    }

    /// Forgets the attempts against `own` after a success, and takes the last one back from `shared`.
    pub(crate) async fn forget_attempts(&self, own: &[Vec<u8>], shared: &[u8]) -> Result<(), sqlx::Error> {
        let forgotten = sqlx::query!("DELETE FROM patients.sign_in_attempt WHERE subject = ANY($1)", own);
        forgotten.execute(&self.pool).await?;
        let taken_back = sqlx::query!(
            "UPDATE patients.sign_in_attempt SET attempts = greatest(attempts - 1, 0), blocked_until = last_at
             WHERE subject = $1",
            shared,
        );
        taken_back.execute(&self.pool).await.map(drop)
    }
}
