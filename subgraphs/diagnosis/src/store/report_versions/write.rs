use healthbridge_terms::Coded;
use sqlx::PgConnection;

use crate::domain::{Addendum, ReportSignature, ReportVersion};

/// Adds a version.
pub(crate) async fn insert(connection: &mut PgConnection, version: &ReportVersion) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report_version (report_id, number, status, content, content_sha256, created_at,
             created_by, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        version.report_id,
        version.number,
        version.status.text(),
        version.content,
        version.content_sha256.to_string(),
        version.created_at,
        version.created_by,
        version.reason,
    );
    inserted.execute(connection).await.map(drop)
}

/// Adds a signature.
pub(crate) async fn insert_signature(
    connection: &mut PgConnection,
    signature: &ReportSignature,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report_signature (id, report_id, number, signed_by, signed_at, meaning, key_id, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        signature.id,
        signature.report_id,
        signature.version,
        signature.signed_by,
        signature.signed_at,
        signature.meaning.text(),
        signature.signature.key_id,
        signature.signature.signature,
    );
    inserted.execute(connection).await.map(drop)
}

/// Adds an addendum.
pub(crate) async fn insert_addendum(connection: &mut PgConnection, addendum: &Addendum) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report_addendum (id, report_id, text, author_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        addendum.id,
        addendum.report_id,
        addendum.text,
        addendum.author_id,
        addendum.created_at,
    );
    inserted.execute(connection).await.map(drop)
}
