use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of, sought};
use healthbridge_terms::{Coded, Coding};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Acknowledged, Report, ReportPriority, ReportStatus};

struct Row {
    id: Uuid,
    patient_id: Uuid,
    status: String,
    priority: String,
    category: Json<Vec<Coding>>,
    code: Option<Json<Coding>>,
    conclusion_codes: Json<Vec<Coding>>,
    clinical_history: Option<String>,
    technique: Option<String>,
    findings: Option<String>,
    impression: Option<String>,
    critical: bool,
    acknowledged_at: Option<DateTime<Utc>>,
    acknowledged_by: Option<Uuid>,
    acknowledgement: Option<String>,
    author_id: Uuid,
    order_id: Option<Uuid>,
    assignee_id: Option<Uuid>,
    assigned_until: Option<DateTime<Utc>>,
    requester_id: Option<Uuid>,
    study_id: Option<Uuid>,
    image_ids: Vec<Uuid>,
    issued_at: Option<DateTime<Utc>>,
    status_reason: Option<String>,
    current_version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Report {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let acknowledged = match (row.acknowledged_at, row.acknowledged_by, row.acknowledgement) {
            (Some(at), Some(by), Some(note)) => Some(Acknowledged { at, by, note }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            patient_id: row.patient_id,
            status: known("status", &row.status)?,
            priority: known("priority", &row.priority)?,
            category: row.category.0,
            code: row.code.map(|json| json.0),
            conclusion_codes: row.conclusion_codes.0,
            clinical_history: row.clinical_history,
            technique: row.technique,
            findings: row.findings,
            impression: row.impression,
            critical: row.critical,
            acknowledged,
            author_id: row.author_id,
            order_id: row.order_id,
            assignee_id: row.assignee_id,
            assigned_until: row.assigned_until,
            requester_id: row.requester_id,
            study_id: row.study_id,
            image_ids: row.image_ids,
            issued_at: row.issued_at,
            status_reason: row.status_reason,
            current_version: row.current_version,
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
    pub assignee_id: Option<Uuid>,
    pub critical: Option<bool>,
    pub issued_from: Option<DateTime<Utc>>,
    pub issued_to: Option<DateTime<Utc>>,
    /// Words of findings and impression.
    pub text: Option<String>,
    /// The language by whose rules they are read.
    pub language: Option<&'static str>,
    /// Only what was released to the patient.
    pub released_only: bool,
    /// Only of this patient.
    pub own: Option<Uuid>,
}

impl ReportFilter {
    fn status_names(&self) -> Vec<String> {
        self.statuses.iter().map(|status| status.text().to_owned()).collect()
    }

    fn priority_names(&self) -> Vec<String> {
        self.priorities.iter().map(|priority| priority.text().to_owned()).collect()
    }

    fn words(&self) -> Option<String> {
        self.text.as_deref().map(sought)
    }

    fn language(&self) -> &'static str {
        self.language.unwrap_or("simple")
    }
}

/// All columns of the reports that these parts of a statement find.
macro_rules! reports {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT report.id AS "id!", report.patient_id AS "patient_id!", status AS "status!",
                      priority AS "priority!", category AS "category!: _", code AS "code: _",
                      conclusion_codes AS "conclusion_codes!: _", clinical_history, technique, findings, impression,
                      critical AS "critical!", acknowledged_at, acknowledged_by, acknowledgement,
                      author_id AS "author_id!", order_id, assignee_id, assigned_until, requester_id, study_id,
                      image_ids AS "image_ids!", issued_at, status_reason, current_version AS "current_version!",
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
                   AND (NOT $7 OR report.status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR'))
                   AND ($8::uuid IS NULL OR report.assignee_id = $8)
                   AND ($9::uuid IS NULL OR report.patient_id = $9)
                   AND ($10::text IS NULL OR report.search @@ websearch_to_tsquery($11::text::regconfig, $10)) "
                $($after)*
            ],
            &$filter.status_names(),
            &$filter.priority_names(),
            $filter.author_id,
            $filter.critical,
            $filter.issued_from,
            $filter.issued_to,
            $filter.released_only,
            $filter.assignee_id,
            $filter.own,
            $filter.words(),
            $filter.language()
            $(, $argument)*
        )
    };
}

mod critical;
mod of_image;
mod of_staff;
mod search;
mod worklist;
mod write;

pub(crate) use critical::*;
pub(crate) use of_image::*;
pub(crate) use of_staff::*;
pub(crate) use search::*;
pub(crate) use worklist::*;
pub(crate) use write::*;

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
                ["unnest($12::uuid[]) AS patient (id) CROSS JOIN LATERAL (
                      SELECT * FROM diagnosis.report AS report WHERE report.patient_id = patient.id AND"]
                ["AND report.id " $beyond " $13 ORDER BY report.id " $order " LIMIT $14
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
                SELECT FROM diagnosis.report AS report WHERE report.patient_id = patient.id AND"#][r#"LIMIT $13) AS found) AS "total!" FROM unnest($12::uuid[]) AS patient (id)"#],
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
                ["AND report.id " $beyond " $12 ORDER BY report.id " $order " LIMIT $13"],
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
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report WHERE"#]["LIMIT $12) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}
