//! What is to be written: reports that are not released, STAT first and then the oldest.

use healthbridge_outcome::{Direction, Total, Window};
use healthbridge_postgres::query_of;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Row;
use crate::domain::{Report, WorkPlace};

/// The condition of the partial indexes of the worklist, word for word.
macro_rules! open {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $($argument:expr),*) => {
        $statement!(
            [$($before)* "report.status IN ('REGISTERED', 'PARTIAL', 'PRELIMINARY')" $($after)*],
            $($argument),*
        )
    };
}

/// One row more than the page has, of all reports or of those of an assignee.
pub(crate) async fn worklist(
    db: impl PgExecutor<'_>,
    assignee: Option<Uuid>,
    window: &Window<WorkPlace>,
) -> Result<Vec<Report>, sqlx::Error> {
    let end = match window.direction {
        Direction::Forward => WorkPlace::LEAST,
        Direction::Backward => WorkPlace::GREATEST,
    };
    let WorkPlace { can_wait, created_at, id } = window.start.unwrap_or(end);
    macro_rules! all {
        ($beyond:tt, $order:tt) => {
            open!(
                reports,
                ["diagnosis.report AS report WHERE "]
                [" AND ((report.priority <> 'STAT'), report.created_at, report.id) " $beyond " ($1, $2, $3)
                   ORDER BY (report.priority <> 'STAT') " $order ", report.created_at " $order ", report.id " $order "
                   LIMIT $4"],
                can_wait, created_at, id, window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    macro_rules! of_assignee {
        ($beyond:tt, $order:tt) => {
            open!(
                reports,
                ["diagnosis.report AS report WHERE report.assignee_id = $5 AND "]
                [" AND ((report.priority <> 'STAT'), report.created_at, report.id) " $beyond " ($1, $2, $3)
                   ORDER BY (report.priority <> 'STAT') " $order ", report.created_at " $order ", report.id " $order "
                   LIMIT $4"],
                can_wait, created_at, id, window.limit(), assignee
            )
            .fetch_all(db)
            .await
        };
    }
    let rows = match (assignee, window.direction) {
        (None, Direction::Forward) => all!(">", "ASC"),
        (None, Direction::Backward) => all!("<", "DESC"),
        (Some(_), Direction::Forward) => of_assignee!(">", "ASC"),
        (Some(_), Direction::Backward) => of_assignee!("<", "DESC"),
    };
    super::reports(rows?)
}

/// How many reports are to be written, by all or by an assignee.
pub(crate) async fn count_worklist(db: impl PgExecutor<'_>, assignee: Option<Uuid>) -> Result<Total, sqlx::Error> {
    let counted = match assignee {
        None => {
            let counted = open!(
                query_of,
                [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report WHERE "#][" LIMIT $1) AS found"],
                Total::LIMIT
            );
            counted.fetch_one(db).await?.total
        }
        Some(assignee) => {
            let counted = open!(
                query_of,
                [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report
                    WHERE report.assignee_id = $2 AND "#][" LIMIT $1) AS found"],
                Total::LIMIT,
                assignee
            );
            counted.fetch_one(db).await?.total
        }
    };
    Ok(Total::of(counted))
}
