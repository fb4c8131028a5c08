//! Critical results that nobody has acknowledged, the oldest first. There are few: whose they are is asked of each.

use chrono::{DateTime, Utc};
use healthbridge_outcome::{Direction, Total, Window};
use healthbridge_postgres::query_of;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Row;
use crate::domain::{CriticalPlace, Report};

/// Whose results are shown: `None` shows all. Those that nobody asked for, as far as is known, and those that have waited
/// since then are everybody's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Responsible {
    pub staff_id: Option<Uuid>,
    pub overdue_since: DateTime<Utc>,
}

/// The condition of the partial index, word for word, and whose the results are.
macro_rules! unacknowledged {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $whose:expr, $($argument:expr),*) => {
        $statement!(
            [
                $($before)*
                " report.critical AND report.acknowledged_at IS NULL
                   AND report.status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED')
                   AND (NOT $1 OR report.requester_id IS NULL OR report.requester_id = $2
                        OR coalesce(report.issued_at, report.created_at) <= $3) "
                $($after)*
            ],
            $whose.is_some(),
            $whose.and_then(|whose: Responsible| whose.staff_id),
            $whose.map(|whose: Responsible| whose.overdue_since),
            $($argument),*
        )
    };
}

/// One row more than the page has.
pub(crate) async fn critical(
    db: impl PgExecutor<'_>,
    whose: Option<Responsible>,
    window: &Window<CriticalPlace>,
) -> Result<Vec<Report>, sqlx::Error> {
    let end = match window.direction {
        Direction::Forward => CriticalPlace::LEAST,
        Direction::Backward => CriticalPlace::GREATEST,
    };
    let CriticalPlace { since, id } = window.start.unwrap_or(end);
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            unacknowledged!(
                reports,
                ["diagnosis.report AS report WHERE"]
                ["AND (coalesce(report.issued_at, report.created_at), report.id) " $beyond " ($4, $5)
                  ORDER BY coalesce(report.issued_at, report.created_at) " $order ", report.id " $order " LIMIT $6"],
                whose, since, id, window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    let rows = match window.direction {
        Direction::Forward => page!(">", "ASC"),
        Direction::Backward => page!("<", "DESC"),
    };
    super::reports(rows?)
}

/// How many there are.
pub(crate) async fn count_critical(db: impl PgExecutor<'_>, whose: Option<Responsible>) -> Result<Total, sqlx::Error> {
    let counted = unacknowledged!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.report AS report WHERE"#]["LIMIT $4) AS found"],
        whose,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// How many there are, and how many of them have waited since then.
pub(crate) async fn waiting_critical(
    db: impl PgExecutor<'_>,
    overdue_since: DateTime<Utc>,
) -> Result<(i64, i64), sqlx::Error> {
    let counted = sqlx::query!(
        r#"SELECT count(*) AS "all!",
                  count(*) FILTER (WHERE coalesce(issued_at, created_at) <= $1) AS "overdue!"
           FROM diagnosis.report
           WHERE critical AND acknowledged_at IS NULL AND status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED')"#,
        overdue_since,
    );
    let counted = counted.fetch_one(db).await?;
    Ok((counted.all, counted.overdue))
}
