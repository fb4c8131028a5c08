use chrono::{DateTime, Utc};
use healthbridge_postgres::known;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::domain::ReportStatus;

/// A version of a report, and how the report stands now.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub report_id: Uuid,
    pub patient_id: Uuid,
    pub number: i32,
    /// The status of the version, and that of the report now.
    pub status: ReportStatus,
    pub status_now: ReportStatus,
    pub current_version: i32,
    /// Canonical JSON (RFC 8785).
    pub content: String,
    /// Lower-case hexadecimal.
    pub content_sha256: String,
    pub released_at: DateTime<Utc>,
    /// Why, where the report had been released before.
    pub reason: Option<String>,
}

/// A version of a report, the last one where none is named; of this patient alone, if one is given.
pub(crate) async fn release(
    db: impl PgExecutor<'_>,
    report: Uuid,
    version: Option<i32>,
    own: Option<Uuid>,
) -> Result<Option<Release>, sqlx::Error> {
    let row = sqlx::query!(
        "SELECT report.patient_id, report.status AS status_now, report.current_version, version.number, version.status,
                version.content, version.content_sha256, version.created_at, version.reason
         FROM diagnosis.report
         JOIN diagnosis.report_version AS version
             ON version.report_id = report.id AND version.number = coalesce($2, report.current_version)
         WHERE report.id = $1 AND ($3::uuid IS NULL OR report.patient_id = $3)",
        report,
        version,
        own,
    );
    let Some(row) = row.fetch_optional(db).await? else { return Ok(None) };
    Ok(Some(Release {
        report_id: report,
        patient_id: row.patient_id,
        number: row.number,
        status: known("status", &row.status)?,
        status_now: known("status", &row.status_now)?,
        current_version: row.current_version,
        content: row.content,
        content_sha256: row.content_sha256,
        released_at: row.created_at,
        reason: row.reason,
    }))
}

/// A signature, as it is printed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the fields have the names that the graph has")]
pub(crate) struct Signed {
    pub signed_by: Uuid,
    pub signed_at: DateTime<Utc>,
    pub meaning: String,
    pub key_id: String,
}

/// The signatures of a version, the first one first.
pub(crate) async fn signatures(
    db: impl PgExecutor<'_>,
    report: Uuid,
    version: i32,
) -> Result<Vec<Signed>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Signed,
        "SELECT signed_by, signed_at, meaning, key_id FROM diagnosis.report_signature
         WHERE report_id = $1 AND number = $2 ORDER BY id",
        report,
        version,
    );
    rows.fetch_all(db).await
}

/// Which of these versions of reports there are.
pub(crate) async fn known_versions(
    db: impl PgExecutor<'_>,
    reports: &[Uuid],
    versions: &[i32],
) -> Result<Vec<(Uuid, i32)>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT version.report_id, version.number FROM diagnosis.report_version AS version
         JOIN unnest($1::uuid[], $2::integer[]) AS asked (report_id, number) USING (report_id, number)",
        reports,
        versions,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.report_id, row.number)).collect())
}
