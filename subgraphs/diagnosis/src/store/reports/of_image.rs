use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::query_of;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{ReportFilter, Row};
use crate::domain::Report;

/// Of each image one row more than the page has. An image has few reports, which are found by it and then sorted.
pub(crate) async fn of_images(
    db: impl PgExecutor<'_>,
    images: &[Uuid],
    filter: &ReportFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Report>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                reports,
                ["unnest($12::uuid[]) AS image (id) CROSS JOIN LATERAL (
                      SELECT * FROM diagnosis.report AS report WHERE report.image_ids @> ARRAY[image.id] AND"]
                ["AND report.id " $beyond " $13 ORDER BY report.id " $order " LIMIT $14
                  ) AS report ORDER BY image.id, report.id " $order],
                filter, images, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    super::reports(greatest_first!(window, page)?)
}

/// How many reports of each image a filter leaves.
pub(crate) async fn count_of_images(
    db: impl PgExecutor<'_>,
    images: &[Uuid],
    filter: &ReportFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT image.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM diagnosis.report AS report WHERE report.image_ids @> ARRAY[image.id] AND"#][r#"LIMIT $13) AS found) AS "total!" FROM unnest($12::uuid[]) AS image (id)"#],
        filter,
        images,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}
