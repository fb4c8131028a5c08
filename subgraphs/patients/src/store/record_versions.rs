use healthbridge_graphql::Window;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;
use crate::domain::RecordVersion;

impl Store {
    /// Notes a change of a record, in its transaction.
    pub(crate) async fn insert_version(
        connection: &mut PgConnection,
        record_id: Uuid,
        version: &RecordVersion,
    ) -> Result<(), sqlx::Error> {
        let inserted = sqlx::query!(
            "INSERT INTO patients.record_version (record_id, version, changed_at, changed_by, changed_fields, reason)
             VALUES ($1, $2, $3, $4, $5, $6)",
            record_id,
            version.version,
            version.changed_at,
            version.changed_by,
            &version.changed_fields,
            version.reason,
        );
        inserted.execute(connection).await.map(drop)
    }

    /// One row more than the page has of each record's changes, the newest first.
    pub(crate) async fn versions_of(
        &self,
        records: &[Uuid],
        window: &Window<i32>,
    ) -> Result<Vec<(Uuid, RecordVersion)>, sqlx::Error> {
        let rows = sqlx::query!(
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
        let rows = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
            let version = RecordVersion {
                version: row.version,
                changed_at: row.changed_at,
                changed_by: row.changed_by,
                changed_fields: row.changed_fields,
                reason: row.reason,
            };
            (row.record_id, version)
        });
        Ok(rows.collect())
    }
}
