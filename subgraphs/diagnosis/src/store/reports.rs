use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
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
    order_id: Option<Uuid>,
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
            order_id: row.order_id,
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

/// All columns of the reports that these parts of a statement find.
macro_rules! reports {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT report.id AS "id!", report.patient_id AS "patient_id!", status AS "status!",
                      priority AS "priority!", code AS "code: _", conclusion_codes AS "conclusion_codes!: _",
                      clinical_history, technique, findings, impression, critical AS "critical!",
                      author_id AS "author_id!", order_id, assignee_id, image_ids AS "image_ids!", issued_at,
                      created_at AS "created_at!", updated_at AS "updated_at!", version AS "version!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the reports that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " (cardinality($1::text[]) = 0 OR report.status = ANY($1))
                   AND (cardinality($2::text[]) = 0 OR report.priority = ANY($2))
                   AND ($3::uuid IS NULL OR report.author_id = $3)
                   AND ($4::boolean IS NULL OR report.critical = $4)
                   AND ($5::timestamptz IS NULL OR report.issued_at >= $5)
                   AND ($6::timestamptz IS NULL OR report.issued_at < $6)
                   AND (NOT $7 OR report.status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR')) "
                $($after)*
            ],
            &$filter.status_names(),
            &$filter.priority_names(),
            $filter.author_id,
            $filter.critical,
            $filter.issued_from,
            $filter.issued_to,
            $filter.released_only
            $(, $argument)*
        )
    };
}

/// The reports with these ids; of one patient's only those that were released, if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    let rows = reports!(
        ["diagnosis.report AS report
          WHERE id = ANY($1)
            AND ($2::uuid IS NULL OR (patient_id = $2
                AND status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR')))"],
        ids,
        own,
    );
    reports(rows.fetch_all(db).await?)
}

/// The reports that answer these orders and were not withdrawn; of one patient's only those that were released, if one is
/// named.
pub(crate) async fn of_orders(
    db: impl PgExecutor<'_>,
    orders: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    let rows = reports!(
        ["diagnosis.report AS report
          WHERE order_id = ANY($1) AND status NOT IN ('CANCELLED', 'ENTERED_IN_ERROR')
            AND ($2::uuid IS NULL OR (patient_id = $2 AND status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED')))"],
        orders,
        own,
    );
    reports(rows.fetch_all(db).await?)
}

/// Of each patient one row more than the page has.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                reports,
                ["unnest($8::uuid[]) AS patient (id) CROSS JOIN LATERAL (
                      SELECT * FROM diagnosis.report AS report WHERE report.patient_id = patient.id AND"]
                ["AND report.id " $beyond " $9 ORDER BY report.id " $order " LIMIT $10
                  ) AS report ORDER BY report.patient_id, report.id " $order],
                filter, patients, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    reports(greatest_first!(window, page)?)
}

/// How many reports of each patient a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ReportFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT patient.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM diagnosis.report AS report WHERE report.patient_id = patient.id AND"#][r#"LIMIT $9) AS found) AS "total!" FROM unnest($8::uuid[]) AS patient (id)"#],
        filter,
        patients,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// One row more than the page has, over all patients.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                reports,
                ["diagnosis.report AS report WHERE"]
                ["AND report.id " $beyond " $8 ORDER BY report.id " $order " LIMIT $9"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    reports(greatest_first!(window, page)?)
}

/// How many reports a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &ReportFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report WHERE"#]["LIMIT $8) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Adds a report.
pub(crate) async fn insert(connection: &mut PgConnection, report: &Report) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.report (id, patient_id, status, priority, code, conclusion_codes, clinical_history,
             technique, findings, impression, critical, author_id, assignee_id, image_ids, issued_at, created_at,
             updated_at, version, order_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
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
        report.order_id,
    );
    inserted.execute(connection).await.map(drop)
}
