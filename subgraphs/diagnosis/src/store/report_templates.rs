use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{query_of, sought};
use healthbridge_terms::Coding;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::ReportTemplate;

struct Row {
    id: Uuid,
    name: String,
    modality: String,
    body_site: Option<Json<Coding>>,
    code: Option<Json<Coding>>,
    technique: Option<String>,
    findings: Option<String>,
    impression: Option<String>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    retired_at: Option<DateTime<Utc>>,
    version: i32,
}

impl From<Row> for ReportTemplate {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            modality: row.modality,
            body_site: row.body_site.map(|json| json.0),
            code: row.code.map(|json| json.0),
            technique: row.technique,
            findings: row.findings,
            impression: row.impression,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            retired_at: row.retired_at,
            version: row.version,
        }
    }
}

/// Which templates a list shows; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportTemplateFilter {
    pub modality: Option<String>,
    /// A whole code, in whichever system.
    pub body_site: Option<String>,
}

/// The templates that come out of these parts of a statement.
macro_rules! templates {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, name, modality, body_site AS "body_site: _", code AS "code: _", technique, findings, impression,
                      created_by, created_at, updated_at, retired_at, version
               FROM diagnosis.report_template "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the templates in use that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                "WHERE retired_at IS NULL
                   AND ($1::text IS NULL OR modality = $1)
                   AND ($2::text IS NULL OR body_site ->> 'code' = $2) "
                $($after)*
            ],
            $filter.modality.as_deref().map(sought),
            $filter.body_site.as_deref().map(sought)
            $(, $argument)*
        )
    };
}

/// The templates with these ids, in use or not.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<ReportTemplate>, sqlx::Error> {
    let rows = templates!(["WHERE id = ANY($1)"], ids);
    Ok(rows.fetch_all(db).await?.into_iter().map(ReportTemplate::from).collect())
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ReportTemplateFilter,
    window: &Window<Uuid>,
) -> Result<Vec<ReportTemplate>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                templates,
                []["AND id " $beyond " $3 ORDER BY id " $order " LIMIT $4"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    Ok(greatest_first!(window, page)?.into_iter().map(ReportTemplate::from).collect())
}

/// How many templates a filter leaves.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &ReportTemplateFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report_template "#]["LIMIT $3) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// A template, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<ReportTemplate>, sqlx::Error> {
    let row = templates!(["WHERE id = $1 FOR UPDATE"], id);
    Ok(row.fetch_optional(connection).await?.map(ReportTemplate::from))
}

/// Writes a template, new or changed.
pub(crate) async fn save(connection: &mut PgConnection, template: &ReportTemplate) -> Result<(), sqlx::Error> {
    let saved = sqlx::query!(
        "INSERT INTO diagnosis.report_template (id, name, modality, body_site, code, technique, findings, impression,
             created_by, created_at, updated_at, retired_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE
         SET name = $2, modality = $3, body_site = $4, code = $5, technique = $6, findings = $7, impression = $8,
             updated_at = $11, retired_at = $12, version = $13",
        template.id,
        template.name,
        template.modality,
        template.body_site.as_ref().map(Json) as _,
        template.code.as_ref().map(Json) as _,
        template.technique,
        template.findings,
        template.impression,
        template.created_by,
        template.created_at,
        template.updated_at,
        template.retired_at,
        template.version,
    );
    saved.execute(connection).await.map(drop)
}
