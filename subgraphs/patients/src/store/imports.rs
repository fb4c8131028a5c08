use std::collections::HashMap;

use chrono::{DateTime, Utc};
use healthbridge_rights::Role;
use healthbridge_terms::{Coded, Identifier};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Lets one import at a time write: two would both find a record missing.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let locked = sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('patients import', 0))");
    locked.execute(connection).await.map(drop)
}

/// The records that these sources became.
pub(crate) async fn imported(
    connection: &mut PgConnection,
    sources: &[String],
) -> Result<HashMap<String, Uuid>, sqlx::Error> {
    let rows = sqlx::query!("SELECT source, record_id FROM patients.imported WHERE source = ANY($1)", sources);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.source, row.record_id)).collect())
}

/// The patients that these sources became.
pub(crate) async fn patients(
    db: impl PgExecutor<'_>,
    sources: &[String],
) -> Result<HashMap<String, Uuid>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT source, record_id FROM patients.imported
         WHERE source = ANY($1) AND EXISTS (SELECT FROM patients.patient WHERE id = record_id)",
        sources,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.source, row.record_id)).collect())
}

/// The active account with this email address, or the oldest with this role.
pub(crate) async fn active_account(
    db: impl PgExecutor<'_>,
    email: Option<&str>,
    role: Role,
) -> Result<Option<Uuid>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM patients.account
         WHERE active AND CASE WHEN $1::text IS NULL THEN $2 = ANY(roles) ELSE email = lower($1) END
         ORDER BY id LIMIT 1",
        email,
        role.text(),
    );
    id.fetch_optional(db).await
}

/// Notes which records these sources became.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    records: &[(String, Uuid)],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (sources, ids): (Vec<String>, Vec<Uuid>) = records.iter().cloned().unzip();
    let inserted = sqlx::query!(
        "INSERT INTO patients.imported (source, record_id, imported_at)
         SELECT source, record_id, $3 FROM unnest($1::text[], $2::uuid[]) AS new (source, record_id)
         ON CONFLICT (source) DO NOTHING",
        &sources,
        &ids,
        now,
    );
    inserted.execute(connection).await.map(drop)
}

/// The oldest patient with one of these identifiers.
pub(crate) async fn patient_with_any(
    connection: &mut PgConnection,
    identifiers: &[Identifier],
) -> Result<Option<Uuid>, sqlx::Error> {
    let one = |identifier: &Identifier| serde_json::json!([{ "system": identifier.system, "value": identifier.value }]);
    let wanted: Vec<_> = identifiers.iter().map(one).collect();
    let id = sqlx::query_scalar!(
        r#"SELECT found.id AS "id!" FROM unnest($1::jsonb[]) AS wanted (identifier),
               LATERAL (SELECT id FROM patients.patient WHERE identifiers @> wanted.identifier ORDER BY id LIMIT 1) AS found
           ORDER BY found.id LIMIT 1"#,
        &wanted,
    );
    id.fetch_optional(connection).await
}

/// The oldest member of the staff with this licence number.
pub(crate) async fn staff_with_licence(
    connection: &mut PgConnection,
    licence: &str,
) -> Result<Option<Uuid>, sqlx::Error> {
    let id =
        sqlx::query_scalar!("SELECT id FROM patients.staff WHERE licence_number = $1 ORDER BY id LIMIT 1", licence);
    id.fetch_optional(connection).await
}

/// Whether an importer has read a file to its end.
pub(crate) async fn has_file(db: impl PgExecutor<'_>, sha256: &[u8], importer: i32) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM patients.imported_file WHERE sha256 = $1 AND importer = $2) AS "found!""#,
        sha256,
        importer,
    );
    found.fetch_one(db).await
}

/// Notes that an importer has read a file to its end.
pub(crate) async fn insert_file(
    db: impl PgExecutor<'_>,
    sha256: &[u8],
    importer: i32,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.imported_file (sha256, importer, imported_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
        sha256,
        importer,
        now,
    );
    inserted.execute(db).await.map(drop)
}
