use chrono::{DateTime, Utc};
use healthbridge_outcome::Window;
use healthbridge_postgres::known;
use healthbridge_terms::{Coded, Coding};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Report, ReportPriority, ReportStatus};

struct Row {
    id: Uuid,
    patient_id: Uuid,
    status: String,
    priority: String,
    code: Option<Json<Coding>>,
    conclusion_codes: Json<Vec<Coding>>,
    clinical_history: Option<String>,
    technique: Option<String>,
    findings: Option<String>,
    impression: Option<String>,
    critical: bool,
    author_id: Uuid,
    assignee_id: Option<Uuid>,
    image_ids: Vec<Uuid>,
    issued_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Report {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            patient_id: row.patient_id,
            status: known("status", &row.status)?,
            priority: known("priority", &row.priority)?,
            code: row.code.map(|json| json.0),
            conclusion_codes: row.conclusion_codes.0,
            clinical_history: row.clinical_history,
            technique: row.technique,
            findings: row.findings,
            impression: row.impression,
            critical: row.critical,
            author_id: row.author_id,
            assignee_id: row.assignee_id,
            image_ids: row.image_ids,
            issued_at: row.issued_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

fn reports(rows: Vec<Row>) -> Result<Vec<Report>, sqlx::Error> {
    rows.into_iter().map(Report::try_from).collect()
}

/// Which reports a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ReportFilter {
    pub statuses: Vec<ReportStatus>,
    pub priorities: Vec<ReportPriority>,
    pub author_id: Option<Uuid>,
    pub critical: Option<bool>,
    pub issued_from: Option<DateTime<Utc>>,
    pub issued_to: Option<DateTime<Utc>>,
    /// Only what was released to the patient.
    pub released_only: bool,
}

impl ReportFilter {
    fn status_names(&self) -> Vec<String> {
        self.statuses.iter().map(|status| status.text().to_owned()).collect()
    }

    fn priority_names(&self) -> Vec<String> {
        self.priorities.iter().map(|priority| priority.text().to_owned()).collect()
    }
}

/// The reports with these ids; of one patient's only those that were released, if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, patient_id, status, priority, code AS "code: _", conclusion_codes AS "conclusion_codes: _",
                  clinical_history, technique, findings, impression, critical, author_id, assignee_id, image_ids,
                  issued_at, created_at, updated_at, version
           FROM diagnosis.report
           WHERE id = ANY($1)
             AND ($2::uuid IS NULL OR (patient_id = $2
                 AND status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR')))"#,
        ids,
        own,
    );
    reports(rows.fetch_all(db).await?)
}

/// Of each patient one row more than the page has, the newest first.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id AS "id!", r.patient_id AS "patient_id!", r.status AS "status!", r.priority AS "priority!",
                  r.code AS "code: _", r.conclusion_codes AS "conclusion_codes!: _", r.clinical_history, r.technique,
                  r.findings, r.impression, r.critical AS "critical!", r.author_id AS "author_id!", r.assignee_id,
                  r.image_ids AS "image_ids!", r.issued_at, r.created_at AS "created_at!",
                  r.updated_at AS "updated_at!", r.version AS "version!"
           FROM unnest($1::uuid[]) AS patient (id)
           CROSS JOIN LATERAL (
               SELECT * FROM diagnosis.report AS report
               WHERE report.patient_id = patient.id
                 AND (cardinality($2::text[]) = 0 OR report.status = ANY($2))
                 AND (cardinality($3::text[]) = 0 OR report.priority = ANY($3))
                 AND ($4::uuid IS NULL OR report.author_id = $4)
                 AND ($5::boolean IS NULL OR report.critical = $5)
                 AND ($6::timestamptz IS NULL OR report.issued_at >= $6)
                 AND ($7::timestamptz IS NULL OR report.issued_at < $7)
                 AND (NOT $8 OR report.status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR'))
                 AND ($9::uuid IS NULL OR report.id < $9)
               ORDER BY report.id DESC LIMIT $10
           ) AS r
           ORDER BY r.patient_id, r.id DESC"#,
        patients,
        &filter.status_names(),
        &filter.priority_names(),
        filter.author_id,
        filter.critical,
        filter.issued_from,
        filter.issued_to,
        filter.released_only,
        window.start,
        window.limit(),
    );
    reports(rows.fetch_all(db).await?)
}

/// One row more than the page has, over all patients, the newest first.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, patient_id, status, priority, code AS "code: _", conclusion_codes AS "conclusion_codes: _",
                  clinical_history, technique, findings, impression, critical, author_id, assignee_id, image_ids,
                  issued_at, created_at, updated_at, version
           FROM diagnosis.report
           WHERE (cardinality($1::text[]) = 0 OR status = ANY($1))
             AND (cardinality($2::text[]) = 0 OR priority = ANY($2))
             AND ($3::uuid IS NULL OR author_id = $3)
             AND ($4::boolean IS NULL OR critical = $4)
             AND ($5::timestamptz IS NULL OR issued_at >= $5)
             AND ($6::timestamptz IS NULL OR issued_at < $6)
             AND ($7::uuid IS NULL OR id < $7)
           ORDER BY id DESC LIMIT $8"#,
        &filter.status_names(),
        &filter.priority_names(),
        filter.author_id,
        filter.critical,
        filter.issued_from,
        filter.issued_to,
        window.start,
        window.limit(),
    );
    reports(rows.fetch_all(db).await?)
}

/// Adds a report.
pub(crate) async fn insert(connection: &mut PgConnection, report: &Report) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report (id, patient_id, status, priority, code, conclusion_codes, clinical_history,
             technique, findings, impression, critical, author_id, assignee_id, image_ids, issued_at, created_at,
             updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        report.id,
        report.patient_id,
        report.status.text(),
        report.priority.text(),
        report.code.as_ref().map(Json) as _,
        Json(&report.conclusion_codes) as _,
        report.clinical_history,
        report.technique,
        report.findings,
        report.impression,
        report.critical,
        report.author_id,
        report.assignee_id,
        &report.image_ids,
        report.issued_at,
        report.created_at,
        report.updated_at,
        report.version,
    );
    inserted.execute(connection).await.map(drop)
}
