use healthbridge_outcome::{Total, Window, greatest_first};
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

/// Of each record one change more than the page has.
pub(crate) async fn of_records(
    db: impl PgExecutor<'_>,
    records: &[Uuid],
    window: &Window<i32>,
) -> Result<Vec<RecordVersion>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            sqlx::query_as!(
                RecordVersion,
                r#"SELECT record.id AS "record_id!", found.version, found.changed_at, found.changed_by,
                          found.changed_fields, found.reason
                   FROM unnest($1::uuid[]) AS record (id),
                       LATERAL (SELECT * FROM patients.record_version
                                WHERE record_id = record.id AND version "#
                    + $beyond
                    + " $2
                                ORDER BY version "
                    + $order
                    + " LIMIT $3) AS found
                   ORDER BY record.id, found.version "
                    + $order,
                records,
                window.bound(),
                window.limit(),
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)
}

/// How many changes each record has.
pub(crate) async fn count_of_records(
    db: impl PgExecutor<'_>,
    records: &[Uuid],
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT record.id AS "id!", (SELECT count(*) FROM (
               SELECT FROM patients.record_version WHERE record_id = record.id LIMIT $2) AS found) AS "total!"
           FROM unnest($1::uuid[]) AS record (id)"#,
        records,
        Total::LIMIT,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}
