//! The table `job_item`: what was begun and is not done, when it may be begun again, and why it failed.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

/// What is not tried again for so long, which is longer than any wait, is due no more.
const FORGOTTEN: Duration = Duration::days(2);

/// The attempts of a job of a part, in the schema of its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    pub part: &'static str,
    pub job: &'static str,
}

impl Attempts {
    /// Begins attempts, which are nobody else's until a moment; gives those that are not somebody's or waiting already.
    pub(crate) async fn begin(
        self,
        connection: &mut PgConnection,
        items: &[Uuid],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<HashSet<Uuid>, sqlx::Error> {
        let begin = format!(
            "INSERT INTO {}.job_item AS old (job, item_id, attempts, not_before)
             SELECT $1, id, 1, $4 FROM unnest($2::uuid[]) AS due (id)
             ON CONFLICT (job, item_id) DO UPDATE SET attempts = old.attempts + 1, not_before = excluded.not_before
             WHERE old.not_before <= $3
             RETURNING item_id",
            self.part
        );
        let begun = sqlx::query_scalar(AssertSqlSafe(begin)).bind(self.job).bind(items).bind(now).bind(until);
        Ok(begun.fetch_all(connection).await?.into_iter().collect())
    }

    /// Notes why an attempt failed. The item waits for a minute, and after each further failure twice as long, a day at the
    /// most.
    pub(crate) async fn put_off(
        self,
        pool: &PgPool,
        item: Uuid,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let put_off = format!(
            "UPDATE {}.job_item
             SET reason = left($3, 1000),
                 not_before = $4 + least(interval '1 minute' * 2 ^ least(attempts - 1, 20), interval '1 day')
             WHERE job = $1 AND item_id = $2",
            self.part
        );
        let noted = sqlx::query(AssertSqlSafe(put_off)).bind(self.job).bind(item).bind(reason).bind(now);
        noted.execute(pool).await.map(drop)
    }

    /// Forgets what is done.
    pub(crate) async fn end(self, connection: &mut PgConnection, item: Uuid) -> Result<(), sqlx::Error> {
        let end = format!("DELETE FROM {}.job_item WHERE job = $1 AND item_id = $2", self.part);
        sqlx::query(AssertSqlSafe(end)).bind(self.job).bind(item).execute(connection).await.map(drop)
    }

    /// How many items failed and are not done, whichever replica tried them; also those whose attempt ended without a word.
    /// What is due no more is forgotten.
    pub(crate) async fn failing(self, pool: &PgPool, now: DateTime<Utc>) -> Result<i32, sqlx::Error> {
        let forget = format!("DELETE FROM {}.job_item WHERE job = $1 AND not_before < $2", self.part);
        sqlx::query(AssertSqlSafe(forget)).bind(self.job).bind(now - FORGOTTEN).execute(pool).await?;
        let count = format!(
            "SELECT count(*)::integer FROM {}.job_item WHERE job = $1 AND (reason IS NOT NULL OR attempts > 1)",
            self.part
        );
        sqlx::query_scalar(AssertSqlSafe(count)).bind(self.job).fetch_one(pool).await
    }
}
