mod write;

use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
use healthbridge_terms::{Coded, Coding};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{ImagingOrder, OrderStage, OrderStatus, ReportPriority};

pub(crate) use write::{bind_images, insert, next_number, update};

pub(super) struct Row {
    pub id: Uuid,
    pub accession_number: String,
    pub patient_id: Uuid,
    pub status: String,
    pub stage: String,
    pub priority: String,
    pub ordered_by: Uuid,
    pub radiologist_id: Option<Uuid>,
    pub appointment_id: Option<Uuid>,
    pub code: Option<Json<Coding>>,
    pub modality: String,
    pub body_site: Option<Json<Coding>>,
    pub reason: String,
    pub reason_codes: Json<Vec<Coding>>,
    pub image_ids: Vec<Uuid>,
    pub acquired_at: Option<DateTime<Utc>>,
    pub due_at: DateTime<Utc>,
    pub reading_until: Option<DateTime<Utc>>,
    pub result_seen_at: Option<DateTime<Utc>>,
    pub revoke_reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i32,
    pub shown_at: DateTime<Utc>,
    pub shown_version: i32,
}

impl TryFrom<Row> for ImagingOrder {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            accession_number: row.accession_number,
            patient_id: row.patient_id,
            status: known("status", &row.status)?,
            stage: known("stage", &row.stage)?,
            priority: known("priority", &row.priority)?,
            ordered_by: row.ordered_by,
            radiologist_id: row.radiologist_id,
            appointment_id: row.appointment_id,
            code: row.code.map(|json| json.0),
            modality: row.modality,
            body_site: row.body_site.map(|json| json.0),
            reason: row.reason,
            reason_codes: row.reason_codes.0,
            image_ids: row.image_ids,
            acquired_at: row.acquired_at,
            due_at: row.due_at,
            reading_until: row.reading_until,
            result_seen_at: row.result_seen_at,
            revoke_reason: row.revoke_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
            shown_at: row.shown_at,
            shown_version: row.shown_version,
        })
    }
}

pub(super) fn read(rows: Vec<Row>) -> Result<Vec<ImagingOrder>, sqlx::Error> {
    rows.into_iter().map(ImagingOrder::try_from).collect()
}

/// Which orders a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct OrderFilter {
    pub statuses: Vec<OrderStatus>,
    pub stages: Vec<OrderStage>,
    pub priorities: Vec<ReportPriority>,
    pub patient_id: Option<Uuid>,
    pub ordered_by: Option<Uuid>,
    pub radiologist_id: Option<Uuid>,
    pub appointment_id: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// What is compared is what the patient sees: no filter tells that a report was begun.
    pub as_patient: bool,
}

fn texts<C: Coded>(codes: &[C]) -> Vec<String> {
    codes.iter().map(|code| code.text().to_owned()).collect()
}

impl OrderFilter {
    fn status_names(&self) -> Vec<String> {
        texts(&self.statuses)
    }

    fn stage_names(&self) -> Vec<String> {
        texts(&self.stages)
    }

    fn priority_names(&self) -> Vec<String> {
        texts(&self.priorities)
    }
}

/// All columns of the orders that these parts of a statement find, each as `one`.
macro_rules! orders {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            $crate::store::orders::Row,
            r#"SELECT one.id AS "id!", one.accession_number AS "accession_number!", one.patient_id AS "patient_id!",
                      one.status AS "status!", one.stage AS "stage!", one.priority AS "priority!",
                      one.ordered_by AS "ordered_by!", one.radiologist_id, one.appointment_id, one.code AS "code: _",
                      one.modality AS "modality!", one.body_site AS "body_site: _", one.reason AS "reason!",
                      one.reason_codes AS "reason_codes!: _", one.image_ids AS "image_ids!", one.acquired_at,
                      one.due_at AS "due_at!", one.reading_until, one.result_seen_at, one.revoke_reason,
                      one.created_at AS "created_at!", one.updated_at AS "updated_at!", one.version AS "version!",
                      one.shown_at AS "shown_at!", one.shown_version AS "shown_version!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}
pub(super) use orders as orders_of;

/// A statement over the orders that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " (cardinality($1::text[]) = 0 OR one.status = ANY($1))
                   AND (cardinality($2::text[]) = 0
                        OR (CASE WHEN $10 AND one.stage = 'READING' THEN 'ACQUIRED' ELSE one.stage END) = ANY($2))
                   AND (cardinality($3::text[]) = 0 OR one.priority = ANY($3))
                   AND ($4::uuid IS NULL OR one.patient_id = $4)
                   AND ($5::uuid IS NULL OR one.ordered_by = $5)
                   AND ($6::uuid IS NULL OR (one.radiologist_id = $6 AND (NOT $10 OR one.stage = 'REPORTED')))
                   AND ($7::uuid IS NULL OR one.appointment_id = $7)
                   AND ($8::timestamptz IS NULL OR one.created_at >= $8)
                   AND ($9::timestamptz IS NULL OR one.created_at < $9) "
                $($after)*
            ],
            &$filter.status_names(),
            &$filter.stage_names(),
            &$filter.priority_names(),
            $filter.patient_id,
            $filter.ordered_by,
            $filter.radiologist_id,
            $filter.appointment_id,
            $filter.from,
            $filter.to,
            $filter.as_patient
            $(, $argument)*
        )
    };
}

/// Defines a list of the orders below others by the column that names these, and its count.
macro_rules! below {
    ($(#[$about:meta])* $page:ident, $(#[$about_count:meta])* $count:ident, $column:tt) => {
        $(#[$about])*
        pub(crate) async fn $page(
            db: impl PgExecutor<'_>,
            parents: &[Uuid],
            filter: &OrderFilter,
            window: &Window<Uuid>,
        ) -> Result<Vec<ImagingOrder>, sqlx::Error> {
            macro_rules! page {
                ($beyond:tt, $order:tt) => {
                    shown!(
                        orders,
                        ["unnest($11::uuid[]) AS parent (id) CROSS JOIN LATERAL (
                              SELECT * FROM diagnosis.imaging_order AS one WHERE one." $column "= parent.id AND"]
                        ["AND one.id " $beyond " $12 ORDER BY one.id " $order " LIMIT $13
                          ) AS one ORDER BY one." $column ", one.id " $order],
                        filter, parents, window.bound(), window.limit()
                    )
                    .fetch_all(db)
                    .await
                };
            }
            read(greatest_first!(window, page)?)
        }

        $(#[$about_count])*
        pub(crate) async fn $count(
            db: impl PgExecutor<'_>,
            parents: &[Uuid],
            filter: &OrderFilter,
        ) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
            let rows = shown!(
                query_of,
                [r#"SELECT parent.id AS "id!", (SELECT count(*) FROM (
                        SELECT FROM diagnosis.imaging_order AS one WHERE one."# $column "= parent.id AND"]
                [r#"LIMIT $12) AS found) AS "total!" FROM unnest($11::uuid[]) AS parent (id)"#],
                filter,
                parents,
                Total::LIMIT
            );
            Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
        }
    };
}

below! {
    /// Of each patient one row more than the page has.
    of_patients,
    /// How many orders of each patient a filter leaves.
    count_of_patients,
    "patient_id"
}

below! {
    /// Of each member of the staff who ordered, one row more than the page has.
    of_staff,
    /// How many orders of each member of the staff who ordered a filter leaves.
    count_of_staff,
    "ordered_by"
}

below! {
    /// Of each appointment one row more than the page has.
    of_appointments,
    /// How many orders of each appointment a filter leaves.
    count_of_appointments,
    "appointment_id"
}

/// The orders with these ids; of the one patient, if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<ImagingOrder>, sqlx::Error> {
    let rows = orders!(
        ["diagnosis.imaging_order AS one WHERE one.id = ANY($1) AND ($2::uuid IS NULL OR one.patient_id = $2)"],
        ids,
        own,
    );
    read(rows.fetch_all(db).await?)
}

/// The orders that these images were acquired for; of the one patient, if one is named.
pub(crate) async fn of_images(
    db: impl PgExecutor<'_>,
    images: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<ImagingOrder>, sqlx::Error> {
    let rows = orders!(
        ["diagnosis.imaging_order AS one
          WHERE one.id = ANY(ARRAY(SELECT order_id FROM diagnosis.imaging_order_image WHERE image_id = ANY($1)))
            AND ($2::uuid IS NULL OR one.patient_id = $2)"],
        images,
        own,
    );
    read(rows.fetch_all(db).await?)
}

/// One row more than the page has, over all patients.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &OrderFilter,
    window: &Window<Uuid>,
) -> Result<Vec<ImagingOrder>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                orders,
                ["diagnosis.imaging_order AS one WHERE"]
                ["AND one.id " $beyond " $11 ORDER BY one.id " $order " LIMIT $12"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    read(greatest_first!(window, page)?)
}

/// How many orders a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &OrderFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.imaging_order AS one WHERE"#]["LIMIT $11) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// The order, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<ImagingOrder>, sqlx::Error> {
    let row = orders!(["diagnosis.imaging_order AS one WHERE one.id = $1 FOR UPDATE"], id);
    row.fetch_optional(connection).await?.map(ImagingOrder::try_from).transpose()
}
