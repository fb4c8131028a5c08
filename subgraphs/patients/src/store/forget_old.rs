use chrono::{DateTime, Utc};
use healthbridge_postgres::{BATCH, in_batches};

use super::Store;

/// Deletes the rows of a table that are as told, in batches. What somebody has locked is left for the next time.
macro_rules! delete {
    ($store:ident, $now:ident, $table:tt, $which:tt) => {
        in_batches(async || {
            let batch = sqlx::query!(
                "DELETE FROM patients."
                    + $table
                    + " WHERE ctid = ANY(ARRAY(SELECT ctid FROM patients."
                    + $table
                    + " AS old WHERE "
                    + $which
                    + " LIMIT $2 FOR UPDATE SKIP LOCKED))",
                $now,
                BATCH,
            );
            Ok(batch.execute(&$store.pool).await?.rows_affected())
        })
    };
}

impl Store {
    /// Removes what nobody can use any more: refresh tokens that expired, sessions without one, revocations that every
    /// token has outlived, one-time tokens, and attempts to sign in that are forgotten; a success is remembered for 30 days.
    pub(crate) async fn forget_old(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        delete!(self, now, "refresh_token", "expires_at < $1::timestamptz - interval '30 days' ORDER BY expires_at")
            .await?;
        delete!(
            self,
            now,
            "session",
            "last_used_at < $1::timestamptz - interval '30 days'
               AND NOT EXISTS (SELECT FROM patients.refresh_token AS token WHERE token.session_id = old.id)
             ORDER BY last_used_at"
        )
        .await?;
        delete!(self, now, "revocation", "revoked_at < $1::timestamptz - interval '1 day' ORDER BY revoked_at").await?;
        delete!(
            self,
            now,
            "sign_in_attempt",
            "last_at < $1::timestamptz - interval '1 hour'
               AND (succeeded_at IS NULL OR succeeded_at < $1::timestamptz - interval '30 days')
             ORDER BY last_at"
        )
        .await?;
        delete!(self, now, "one_time_token", "expires_at < $1 ORDER BY expires_at").await
    }
}
