use chrono::{DateTime, Utc};
use healthbridge_postgres::{BATCH, in_batches};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Bytes that are to be removed.
#[derive(Clone, Debug)]
pub struct Due {
    pub(crate) id: Uuid,
    pub(crate) object_key: String,
}

/// Gives up uploads that were not completed in time; their bytes are then to be removed.
pub(crate) async fn give_up_uploads(pool: &PgPool, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let given_up = async || {
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
    in_batches(given_up).await
}

/// Some images whose bytes are to be removed now, locked; without those that others have locked, or that wait.
pub(crate) async fn due(
    connection: &mut PgConnection,
    job: &str,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Due>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Due,
        "SELECT id, object_key FROM imaging.medical_image AS image
         WHERE purge_after <= $2 AND state IN ('DELETED', 'FAILED') AND NOT legal_hold
           AND NOT EXISTS (SELECT FROM imaging.job_item AS item
                           WHERE item.job = $1 AND item.item_id = image.id AND item.not_before > $2)
         ORDER BY purge_after, id LIMIT $3 FOR UPDATE SKIP LOCKED",
        job,
        now,
        most,
    );
    rows.fetch_all(connection).await
}

/// Notes that an image's bytes are gone. The row stays: it says what was there.
pub(crate) async fn purged(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    let done = sqlx::query!("UPDATE imaging.medical_image SET purge_after = NULL WHERE id = $1", id);
    done.execute(connection).await.map(drop)
}

/// Of these objects those that an image has, or that are removed when its time comes. What comes by an old URL after
/// that is nobody's.
pub(crate) async fn owned(pool: &PgPool, object_keys: &[String]) -> Result<Vec<String>, sqlx::Error> {
    let owned = sqlx::query_scalar!(
        "SELECT object_key FROM imaging.medical_image
         WHERE object_key = ANY($1)
           AND (state NOT IN ('DELETED', 'FAILED') OR purge_after IS NOT NULL OR legal_hold)",
        object_keys,
    );
    owned.fetch_all(pool).await
}
