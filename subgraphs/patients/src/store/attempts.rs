use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::domain::attempt::{self, Allowed, Counted, Crowd};

/// Counts an attempt against `own` and its crowds before its secret is verified, so that attempts at once cannot all be
/// the first one; gives until when whoever tries has to wait, and then counts nothing. An hour after the last attempt `own`
/// is forgotten; a crowd, an hour after its first.
pub(crate) async fn attempt(
    pool: &PgPool,
    own: &[u8],
    crowds: &[Crowd],
    free: i32,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    // Most attempts of somebody who guesses end here, and wait for no lock.
    let blocked = sqlx::query_scalar!(
        "SELECT blocked_until FROM patients.sign_in_attempt WHERE subject = $1 AND blocked_until > $2",
        own,
        now,
    );
    if let Some(until) = blocked.fetch_optional(pool).await? {
        return Ok(Some(until));
    }
    let mut subjects: Vec<Vec<u8>> = crowds.iter().map(|crowd| crowd.subject.clone()).collect();
    subjects.push(own.to_vec());
    let mut transaction = pool.begin().await?;
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
    let in_crowds: Vec<_> = crowds.iter().filter_map(|crowd| Some((crowd, known.get(&crowd.subject)?))).collect();
    let Allowed { blocked_until, turn } = match attempt::judge(mine, &in_crowds, free, now) {
        Ok(allowed) => allowed,
        Err(until) => return Ok(Some(until)),
    };
    let counted = sqlx::query!(
        "UPDATE patients.sign_in_attempt SET attempts = attempts + 1, last_at = $2, blocked_until = $3
         WHERE subject = $1",
        own,
        now,
        blocked_until,
    );
    counted.execute(&mut *transaction).await?;
    for crowd in crowds {
        let turn_until = turn.filter(|(full, _)| full.subject == crowd.subject).map(|(_, until)| until);
        let counted = sqlx::query!(
            "UPDATE patients.sign_in_attempt
             SET attempts = attempts + 1, blocked_until = coalesce($2, blocked_until) WHERE subject = $1",
            crowd.subject,
            turn_until,
        );
        counted.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(None)
}

/// Forgets the attempts of `own` after a success, remembers that there was one, and takes the last attempt back from its
/// crowds.
pub(crate) async fn succeed(
    pool: &PgPool,
    own: &[u8],
    crowds: &[Crowd],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let forgotten = sqlx::query!(
        "UPDATE patients.sign_in_attempt SET attempts = 0, blocked_until = to_timestamp(0), succeeded_at = $2
         WHERE subject = $1",
        own,
        now,
    );
    forgotten.execute(pool).await?;
    // A statement each: none holds the lock of one while it waits for another.
    for crowd in crowds {
        let taken_back = sqlx::query!(
            "UPDATE patients.sign_in_attempt SET attempts = greatest(attempts - 1, 0) WHERE subject = $1",
            crowd.subject,
        );
        taken_back.execute(pool).await?;
    }
    Ok(())
}
