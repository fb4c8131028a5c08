use chrono::{DateTime, Utc};
use healthbridge_postgres::{BATCH, in_batches};
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// Bytes that are to be removed.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub id: Uuid,
    pub object_key: String,
    pub purge_after: DateTime<Utc>,
}

/// Gives up uploads that were not completed in time; their bytes are then to be removed.
pub(crate) async fn abandon_uploads(pool: &PgPool, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let abandoned = async || {
        let batch = sqlx::query!(
            "UPDATE imaging.medical_image SET state = 'FAILED', purge_after = $1, version = version + 1
             WHERE state = 'AWAITING_UPLOAD' AND id = ANY(ARRAY(
                 SELECT id FROM imaging.medical_image WHERE state = 'AWAITING_UPLOAD' AND upload_expires_at < $1
                 ORDER BY upload_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
            before,
            BATCH,
        );
        Ok(batch.execute(pool).await?.rows_affected())
    };
    in_batches(abandoned).await
}

/// Some images whose bytes are to be removed now, behind one that was dealt with.
pub(crate) async fn to_purge(
    db: impl PgExecutor<'_>,
    now: DateTime<Utc>,
    after: Option<&Due>,
) -> Result<Vec<Due>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Due,
        r#"SELECT id, object_key, purge_after AS "purge_after!" FROM imaging.medical_image
           WHERE purge_after <= $1 AND (purge_after, id) > ($2, $3)
             AND state IN ('DELETED', 'FAILED') AND NOT legal_hold
           ORDER BY purge_after, id LIMIT 100"#,
        now,
        after.map_or(DateTime::UNIX_EPOCH, |after| after.purge_after),
        after.map(|after| after.id).unwrap_or_default(),
    );
    rows.fetch_all(db).await
}

/// Notes that an image's bytes are gone. The row stays: it says what was there.
pub(crate) async fn purged(db: impl PgExecutor<'_>, id: Uuid) -> Result<(), sqlx::Error> {
    let done = sqlx::query!("UPDATE imaging.medical_image SET purge_after = NULL WHERE id = $1", id);
    done.execute(db).await.map(drop)
}

/// Of these objects those that an image has, or that are removed when its time comes. What comes by an old URL after
/// that is nobody's.
pub(crate) async fn owned(db: impl PgExecutor<'_>, object_keys: &[String]) -> Result<Vec<String>, sqlx::Error> {
    let owned = sqlx::query_scalar!(
        "SELECT object_key FROM imaging.medical_image
         WHERE object_key = ANY($1)
           AND (state NOT IN ('DELETED', 'FAILED') OR purge_after IS NOT NULL OR legal_hold)",
        object_keys,
    );
    owned.fetch_all(db).await
}
