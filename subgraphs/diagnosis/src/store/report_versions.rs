use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::known;
use healthbridge_signature::Signature;
use sqlx::PgExecutor;
use uuid::Uuid;

mod write;

pub(crate) use write::*;

use crate::domain::{Addendum, ReportSignature, ReportVersion};

struct Row {
    report_id: Uuid,
    number: i32,
    status: String,
    findings: Option<String>,
    impression: Option<String>,
    content: String,
    content_sha256: String,
    created_at: DateTime<Utc>,
    created_by: Uuid,
    reason: Option<String>,
}

impl TryFrom<Row> for ReportVersion {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            report_id: row.report_id,
            number: row.number,
            status: known("status", &row.status)?,
            findings: row.findings,
            impression: row.impression,
            content: row.content,
            content_sha256: known("content_sha256", &row.content_sha256)?,
            created_at: row.created_at,
            created_by: row.created_by,
            reason: row.reason,
        })
    }
}

struct SignatureRow {
    id: Uuid,
    report_id: Uuid,
    number: i32,
    content_sha256: String,
    signed_by: Uuid,
    signed_at: DateTime<Utc>,
    meaning: String,
    key_id: String,
    signature: String,
}

impl TryFrom<SignatureRow> for ReportSignature {
    type Error = sqlx::Error;

    fn try_from(row: SignatureRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            report_id: row.report_id,
            version: row.number,
            content_sha256: known("content_sha256", &row.content_sha256)?,
            signed_by: row.signed_by,
            signed_at: row.signed_at,
            meaning: known("meaning", &row.meaning)?,
            signature: Signature { key_id: row.key_id, signature: row.signature },
        })
    }
}

/// The versions that come out of these parts of a statement.
macro_rules! versions {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT version.report_id AS "report_id!", number AS "number!", status AS "status!",
                      content::json ->> 'findings' AS findings, content::json ->> 'impression' AS impression,
                      content AS "content!", content_sha256 AS "content_sha256!", created_at AS "created_at!",
                      created_by AS "created_by!", reason
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// Of each report one version more than the page has, the last one first.
pub(crate) async fn of_reports(
    db: impl PgExecutor<'_>,
    reports: &[Uuid],
    window: &Window<i32>,
) -> Result<Vec<ReportVersion>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            versions!(
                ["unnest($1::uuid[]) AS report (id) CROSS JOIN LATERAL (
                      SELECT * FROM diagnosis.report_version AS version
                      WHERE version.report_id = report.id AND version.number " $beyond " $2
                      ORDER BY version.number " $order " LIMIT $3
                  ) AS version ORDER BY version.report_id, version.number " $order],
                reports, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)?.into_iter().map(ReportVersion::try_from).collect()
}

/// How many versions each report has.
pub(crate) async fn count_of_reports(
    db: impl PgExecutor<'_>,
    reports: &[Uuid],
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT report.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM diagnosis.report_version WHERE report_id = report.id LIMIT $2) AS found) AS "total!"
           FROM unnest($1::uuid[]) AS report (id)"#,
        reports,
        Total::LIMIT,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// The signatures of these reports' versions, the first one first. Each is of the digest that the content has now.
pub(crate) async fn signatures_of_reports(
    db: impl PgExecutor<'_>,
    reports: &[Uuid],
) -> Result<Vec<ReportSignature>, sqlx::Error> {
    let rows = sqlx::query_as!(
        SignatureRow,
        r#"SELECT signature.id, signature.report_id, signature.number,
                  encode(sha256(convert_to(version.content, 'UTF8')), 'hex') AS "content_sha256!", signed_by, signed_at,
                  meaning, key_id, signature
           FROM diagnosis.report_signature AS signature
           JOIN diagnosis.report_version AS version
             ON version.report_id = signature.report_id AND version.number = signature.number
           WHERE signature.report_id = ANY($1)
           ORDER BY signature.report_id, signature.number, signature.id"#,
        reports,
    );
    rows.fetch_all(db).await?.into_iter().map(ReportSignature::try_from).collect()
}

/// What was added to these reports, the first addendum first.
pub(crate) async fn addenda_of_reports(
    db: impl PgExecutor<'_>,
    reports: &[Uuid],
) -> Result<Vec<Addendum>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Addendum,
        "SELECT id, report_id, text, author_id, created_at FROM diagnosis.report_addendum
         WHERE report_id = ANY($1) ORDER BY report_id, id",
        reports,
    );
    rows.fetch_all(db).await
}
