use healthbridge_terms::Coded;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::Row;
use crate::domain::Report;

/// A report, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Report>, sqlx::Error> {
    let row = reports!(["diagnosis.report AS report WHERE id = $1 FOR UPDATE"], id);
    row.fetch_optional(connection).await?.map(Report::try_from).transpose()
}

/// Adds a report, whose words are found by the rules of a language.
pub(crate) async fn insert(connection: &mut PgConnection, report: &Report, language: &str) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report (id, patient_id, status, priority, category, code, conclusion_codes,
             clinical_history, technique, findings, impression, critical, author_id, assignee_id, assigned_until,
             requester_id, study_id, image_ids, issued_at, created_at, updated_at, version, search, search_language, order_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             to_tsvector($23::text::regconfig, concat_ws(' ', $10::text, $11::text)), $23, $24)",
        report.id,
        report.patient_id,
        report.status.text(),
        report.priority.text(),
        Json(&report.category) as _,
        report.code.as_ref().map(Json) as _,
        Json(&report.conclusion_codes) as _,
        report.clinical_history,
        report.technique,
        report.findings,
        report.impression,
        report.critical,
        report.author_id,
        report.assignee_id,
        report.assigned_until,
        report.requester_id,
        report.study_id,
        &report.image_ids,
        report.issued_at,
        report.created_at,
        report.updated_at,
        report.version,
        language,
        report.order_id,
    );
    inserted.execute(connection).await.map(drop)
}

/// Writes what may change about a report.
pub(crate) async fn update(connection: &mut PgConnection, report: &Report, language: &str) -> Result<(), sqlx::Error> {
    let acknowledged = report.acknowledged.as_ref();
    let updated = sqlx::query!(
        "UPDATE diagnosis.report
         SET status = $2, conclusion_codes = $3, clinical_history = $4, technique = $5, findings = $6, impression = $7,
             critical = $8, assignee_id = $9, assigned_until = $10, issued_at = $11, updated_at = $12, version = $13,
             status_reason = $14, current_version = $15, acknowledged_at = $16, acknowledged_by = $17,
             acknowledgement = $18, search_language = $19,
             search = to_tsvector($19::text::regconfig, concat_ws(' ', $6::text, $7::text))
         WHERE id = $1",
        report.id,
        report.status.text(),
        Json(&report.conclusion_codes) as _,
        report.clinical_history,
        report.technique,
        report.findings,
        report.impression,
        report.critical,
        report.assignee_id,
        report.assigned_until,
        report.issued_at,
        report.updated_at,
        report.version,
        report.status_reason,
        report.current_version,
        acknowledged.map(|one| one.at),
        acknowledged.map(|one| one.by),
        acknowledged.map(|one| one.note.as_str()),
        language,
    );
    updated.execute(connection).await.map(drop)
}
