use chrono::{DateTime, Utc};
use healthbridge_outcome::{Direction, Total, Window};
use healthbridge_postgres::query_of;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::orders::{orders_of, read};
use crate::domain::ImagingOrder;

/// An order's place in a worklist: what is most urgent, then what is due first, then what came first.
pub(crate) type Place = (i16, DateTime<Utc>, Uuid);

/// The place that the rows of a page are behind, or before where it is read backwards. A page from an end has one, too, which
/// no row has.
fn beyond(window: &Window<Place>) -> Place {
    window.start.unwrap_or(match window.direction {
        Direction::Forward => (i16::MIN, DateTime::UNIX_EPOCH, Uuid::nil()),
        Direction::Backward => (i16::MAX, DateTime::UNIX_EPOCH, Uuid::max()),
    })
}

/// Defines a worklist by its conditions, whose parameters come first, and by the numbers of those that follow: the place and
/// the limit. Each is a statement of its own: its conditions are those of its index to the word.
macro_rules! worklist {
    (
        $(#[$about:meta])* $page:ident, $(#[$about_count:meta])* $count:ident,
        ($($parameter:ident: $type:ty),*) [$($conditions:tt)+] [$rank:tt $due:tt $id:tt $limit:tt]
    ) => {
        $(#[$about])*
        pub(crate) async fn $page(
            db: impl PgExecutor<'_>,
            $($parameter: $type,)*
            window: &Window<Place>,
        ) -> Result<Vec<ImagingOrder>, sqlx::Error> {
            let (rank, due_at, id) = beyond(window);
            macro_rules! page {
                ($beyond:tt, $order:tt) => {
                    orders_of!(
                        [
                            "diagnosis.imaging_order AS one WHERE " $($conditions)+
                            " AND (one.rank, one.due_at, one.id) " $beyond " (" $rank "::smallint, " $due ", " $id
                            ") ORDER BY one.rank " $order ", one.due_at " $order ", one.id " $order " LIMIT " $limit
                        ],
                        $($parameter,)* rank, due_at, id, window.limit()
                    )
                    .fetch_all(db)
                    .await
                };
            }
            read(match window.direction {
                Direction::Forward => page!(">", "ASC"),
                Direction::Backward => page!("<", "DESC"),
            }?)
        }

        $(#[$about_count])*
        pub(crate) async fn $count(db: impl PgExecutor<'_>, $($parameter: $type,)*) -> Result<Total, sqlx::Error> {
            let counted = query_of!(
                [
                    r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.imaging_order AS one WHERE "# $($conditions)+
                    " LIMIT " $rank ") AS found"
                ],
                $($parameter,)* Total::LIMIT
            );
            Ok(Total::of(counted.fetch_one(db).await?.total))
        }
    };
}

worklist! {
    /// One row more than the page has, of the orders whose images are to be acquired.
    to_acquire,
    /// How many they are.
    count_to_acquire,
    () ["one.status = 'ACTIVE' AND one.stage IN ('ORDERED', 'SCHEDULED')"] ["$1" "$2" "$3" "$4"]
}

worklist! {
    /// One row more than the page has, of the orders whose images are to be read, but for those that others are reading.
    to_read,
    /// How many they are.
    count_to_read,
    (reader: Option<Uuid>, now: DateTime<Utc>)
    ["one.status = 'ACTIVE' AND one.stage = 'ACQUIRED'
      AND (one.reading_until IS NULL OR one.reading_until <= $2 OR one.radiologist_id = $1)"]
    ["$3" "$4" "$5" "$6"]
}

worklist! {
    /// One row more than the page has, of the orders that a radiologist is to read.
    to_read_by,
    /// How many they are.
    count_to_read_by,
    (reader: Uuid) ["one.status = 'ACTIVE' AND one.stage = 'ACQUIRED' AND one.radiologist_id = $1"] ["$2" "$3" "$4" "$5"]
}

worklist! {
    /// One row more than the page has, of the orders whose results nobody has seen.
    results,
    /// How many they are.
    count_results,
    () ["one.stage = 'REPORTED' AND one.result_seen_at IS NULL"] ["$1" "$2" "$3" "$4"]
}

worklist! {
    /// One row more than the page has, of the orders of one member of the staff whose results nobody has seen.
    results_for,
    /// How many they are.
    count_results_for,
    (orderer: Uuid) ["one.stage = 'REPORTED' AND one.result_seen_at IS NULL AND one.ordered_by = $1"]
    ["$2" "$3" "$4" "$5"]
}
