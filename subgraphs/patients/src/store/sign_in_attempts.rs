use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};

use super::Store;

/// Something that many accounts or many addresses have in common, whose attempts are counted by the hour.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// A digest: the table names nobody.
    pub subject: Vec<u8>,
    /// From so many attempts on, mistakes have fewer free attempts.
    pub hot: i32,
    /// From so many attempts on, whoever never succeeded here takes turns.
    pub crowded: i32,
}

/// Whether a secret may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It is to be verified.
    Allowed,
    /// Too many were tried before.
    BlockedUntil(DateTime<Utc>),
}

/// What is known of a subject.
struct Counted {
    attempts: i32,
    blocked_until: DateTime<Utc>,
    succeeded_at: Option<DateTime<Utc>>,
}

/// The longest wait after a mistake, in seconds.
const LONGEST_WAIT: i64 = 60;
/// How many attempts are free in a crowd that is hot.
const FREE_WHERE_HOT: i32 = 1;
/// How long a turn takes in a crowd that is crowded, in seconds.
const TURN: i64 = 2;

impl Store {
    /// Counts an attempt against `own` and its crowds before its secret is verified, so that attempts at once cannot all be
    /// the first one. After the free ones each is followed by a wait of 2, 4, 8 … seconds. An attempt during a wait is not
    /// counted. An hour after the last attempt `own` is forgotten; a crowd, an hour after its first.
    pub(crate) async fn attempt(
        &self,
        own: &[u8],
        crowds: &[Crowd],
        free: i32,
        now: DateTime<Utc>,
    ) -> Result<Attempt, sqlx::Error> {
        // Most attempts of somebody who guesses end here, and wait for no lock.
        let blocked = sqlx::query_scalar!(
            "SELECT blocked_until FROM patients.sign_in_attempt WHERE subject = $1 AND blocked_until > $2",
            own,
            now,
        );
        if let Some(until) = blocked.fetch_optional(&self.pool).await? {
            return Ok(Attempt::BlockedUntil(until));
        }
        let mut subjects: Vec<Vec<u8>> = crowds.iter().map(|crowd| crowd.subject.clone()).collect();
        subjects.push(own.to_vec());
        let mut transaction = self.pool.begin().await?;
        // Locks them in one order, so that two attempts never wait for each other. The first attempt begins the hour. No
        // wait is one that ended long ago: of two attempts at once the one that was sent first may come second.
        let rows = sqlx::query!(
            "INSERT INTO patients.sign_in_attempt AS old (subject, attempts, last_at, blocked_until)
             SELECT subject, 0, $2, to_timestamp(0) FROM unnest($1::bytea[]) AS counted (subject) ORDER BY subject
             ON CONFLICT (subject) DO UPDATE
             SET attempts = CASE WHEN old.last_at < $2 - interval '1 hour' THEN 0 ELSE old.attempts END,
                 last_at = CASE WHEN old.last_at < $2 - interval '1 hour' THEN $2 ELSE old.last_at END
             RETURNING subject, attempts, blocked_until, succeeded_at",
            &subjects,
            now,
        );
        let mut known = HashMap::new();
        for row in rows.fetch_all(&mut *transaction).await? {
            let (attempts, blocked_until, succeeded_at) = (row.attempts, row.blocked_until, row.succeeded_at);
            known.insert(row.subject, Counted { attempts, blocked_until, succeeded_at });
        }
        let Some(mine) = known.get(own) else { return Err(sqlx::Error::RowNotFound) };
        if mine.blocked_until > now {
            return Ok(Attempt::BlockedUntil(mine.blocked_until));
        }
        let in_crowds = || crowds.iter().filter_map(|crowd| Some((crowd, known.get(&crowd.subject)?)));
        // Whoever succeeded here once has a turn of the own; of the others, who may all be one, one after the other has.
        let is_stranger = mine.succeeded_at.is_none();
        let full = in_crowds().find(|(crowd, count)| is_stranger && count.attempts >= crowd.crowded);
        if let Some((_, count)) = full.filter(|(_, count)| count.blocked_until > now) {
            return Ok(Attempt::BlockedUntil(count.blocked_until));
        }
        let is_hot = in_crowds().any(|(crowd, count)| count.attempts >= crowd.hot);
        let free = if is_hot { free.min(FREE_WHERE_HOT) } else { free };
        let wait = wait_after(mine.attempts + 1, free);
        let blocked_until = if wait.is_zero() { mine.blocked_until } else { now + wait };
        let counted = sqlx::query!(
            "UPDATE patients.sign_in_attempt SET attempts = attempts + 1, last_at = $2, blocked_until = $3
             WHERE subject = $1",
            own,
            now,
            blocked_until,
        );
        counted.execute(&mut *transaction).await?;
        for crowd in crowds {
            let is_full = full.is_some_and(|(full, _)| full.subject == crowd.subject);
            let turn_until = is_full.then(|| now + Duration::seconds(TURN));
            let counted = sqlx::query!(
                "UPDATE patients.sign_in_attempt
                 SET attempts = attempts + 1, blocked_until = coalesce($2, blocked_until) WHERE subject = $1",
                crowd.subject,
                turn_until,
            );
            counted.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Attempt::Allowed)
    }

    /// Forgets the attempts of `own` after a success, remembers that there was one, and takes the last attempt back from its
    /// crowds.
    pub(crate) async fn succeed(&self, own: &[u8], crowds: &[Crowd], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let forgotten = sqlx::query!(
            "UPDATE patients.sign_in_attempt SET attempts = 0, blocked_until = to_timestamp(0), succeeded_at = $2
             WHERE subject = $1",
            own,
            now,
        );
        forgotten.execute(&self.pool).await?;
        // A statement each: none holds the lock of one while it waits for another.
        for crowd in crowds {
            let taken_back = sqlx::query!(
                "UPDATE patients.sign_in_attempt SET attempts = greatest(attempts - 1, 0) WHERE subject = $1",
                crowd.subject,
            );
            taken_back.execute(&self.pool).await?;
        }
        Ok(())
    }
}

/// The wait after so many attempts.
fn wait_after(attempts: i32, free: i32) -> Duration {
    match u32::try_from(attempts - free) {
        Ok(beyond @ 1..) => Duration::seconds(2_i64.saturating_pow(beyond.min(10)).min(LONGEST_WAIT)),
        _ => Duration::zero(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_the_free_attempts_up_to_a_minute() {
        let waits: Vec<i64> = (1..=12).map(|attempts| wait_after(attempts, 5).num_seconds()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(wait_after(i32::MAX, 1).num_seconds(), 60);
    }
}
