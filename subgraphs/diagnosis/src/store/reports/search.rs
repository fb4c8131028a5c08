//! Reports by the words of their findings and impressions.

use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{BATCH, query_of};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{ReportFilter, Row};
use crate::domain::Report;

/// One row more than the page has, of the reports that have the filter's words. A statement of its own, so that words are
/// found by their index whatever the plan.
pub(crate) async fn find(
    db: impl PgExecutor<'_>,
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                reports,
                ["diagnosis.report AS report WHERE report.search @@ websearch_to_tsquery($11::text::regconfig, $10) AND"]
                ["AND report.id " $beyond " $12 ORDER BY report.id " $order " LIMIT $13"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    super::reports(greatest_first!(window, page)?)
}

/// How many reports have the filter's words.
pub(crate) async fn count_found(db: impl PgExecutor<'_>, filter: &ReportFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report
                WHERE report.search @@ websearch_to_tsquery($11::text::regconfig, $10) AND"#]["LIMIT $12) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Cuts a batch of reports into words that were cut by another language's rules, or not yet. Gives how many.
pub(crate) async fn index_words(db: impl PgExecutor<'_>, language: &str) -> Result<u64, sqlx::Error> {
    let indexed = sqlx::query!(
        "UPDATE diagnosis.report
         SET search = to_tsvector($1::text::regconfig, concat_ws(' ', findings, impression)), search_language = $1
         WHERE id IN (SELECT id FROM diagnosis.report WHERE search_language < $1 OR search_language > $1
                      LIMIT $2 FOR UPDATE SKIP LOCKED)",
        language,
        BATCH,
    );
    indexed.execute(db).await.map(|done| done.rows_affected())
}
