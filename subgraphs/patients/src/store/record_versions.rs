use healthbridge_outcome::Window;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::RecordVersion;

/// Notes a change of a record, in its transaction.
pub(crate) async fn insert(connection: &mut PgConnection, version: &RecordVersion) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.record_version (record_id, version, changed_at, changed_by, changed_fields, reason)
         VALUES ($1, $2, $3, $4, $5, $6)",
        version.record_id,
        version.version,
        version.changed_at,
        version.changed_by,
        &version.changed_fields,
        version.reason,
    );
    inserted.execute(connection).await.map(drop)
}

/// One row more than the page has of each record's changes, the newest first.
pub(crate) async fn of_records(
    db: impl PgExecutor<'_>,
    records: &[Uuid],
    window: &Window<i32>,
) -> Result<Vec<RecordVersion>, sqlx::Error> {
    let rows = sqlx::query_as!(
        RecordVersion,
        r#"SELECT record.id AS "record_id!", found.version, found.changed_at, found.changed_by, found.changed_fields,
                  found.reason
           FROM unnest($1::uuid[]) AS record (id),
               LATERAL (SELECT * FROM patients.record_version
                        WHERE record_id = record.id AND ($2::integer IS NULL OR version < $2)
                        ORDER BY version DESC LIMIT $3) AS found
           ORDER BY record.id, found.version DESC"#,
        records,
        window.start,
        window.limit(),
    );
    rows.fetch_all(db).await
}
