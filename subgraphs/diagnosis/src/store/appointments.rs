use chrono::{DateTime, Duration, Utc};
use healthbridge_outcome::{Bounded, Total, Window, least_first};
use healthbridge_postgres::{known, query_of};
use healthbridge_terms::Coded;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::{Appointment, AppointmentStatus, Period};

/// A place in the order of lists: by start.
pub(crate) type Place = (DateTime<Utc>, Uuid);

struct Row {
    id: Uuid,
    status: String,
    patient_id: Uuid,
    doctor_id: Uuid,
    start_at: DateTime<Utc>,
    end_at: DateTime<Utc>,
    reason: Option<String>,
    note: Option<String>,
    cancel_reason: Option<String>,
    booked_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Appointment {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            status: known("status", &row.status)?,
            patient_id: row.patient_id,
            doctor_id: row.doctor_id,
            period: period(row.start_at, row.end_at)?,
            reason: row.reason,
            note: row.note,
            cancel_reason: row.cancel_reason,
            booked_by: row.booked_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

fn period(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Period, sqlx::Error> {
    let empty = || sqlx::Error::Decode("an appointment ends before it begins".into());
    Period::new(start, end).ok_or_else(empty)
}

fn appointments(rows: Vec<Row>) -> Result<Vec<Appointment>, sqlx::Error> {
    rows.into_iter().map(Appointment::try_from).collect()
}

/// Which appointments a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AppointmentFilter {
    pub statuses: Vec<AppointmentStatus>,
    pub doctor_id: Option<Uuid>,
    pub patient_id: Option<Uuid>,
    /// Those that begin then or later.
    pub from: Option<DateTime<Utc>>,
    /// Those that begin before.
    pub to: Option<DateTime<Utc>>,
}

impl AppointmentFilter {
    fn status_names(&self) -> Vec<String> {
        self.statuses.iter().map(|status| status.text().to_owned()).collect()
    }

    /// From when on; there is always a time, so that an index is read from there.
    fn from(&self) -> DateTime<Utc> {
        self.from.unwrap_or(Place::LEAST.0)
    }

    fn to(&self) -> DateTime<Utc> {
        self.to.unwrap_or(Place::GREATEST.0)
    }
}

/// All columns of the appointments that these parts of a statement find.
macro_rules! appointments {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT appointment.id AS "id!", status AS "status!", patient_id AS "patient_id!", doctor_id AS "doctor_id!",
                      start_at AS "start_at!", end_at AS "end_at!", reason, note, cancel_reason,
                      booked_by AS "booked_by!", created_at AS "created_at!", updated_at AS "updated_at!",
                      version AS "version!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the appointments that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " (cardinality($1::text[]) = 0 OR appointment.status = ANY($1))
                   AND ($2::uuid IS NULL OR appointment.doctor_id = $2)
                   AND ($3::uuid IS NULL OR appointment.patient_id = $3)
                   AND appointment.start_at >= $4 AND appointment.start_at < $5 "
                $($after)*
            ],
            &$filter.status_names(),
            $filter.doctor_id,
            $filter.patient_id,
            $filter.from(),
            $filter.to()
            $(, $argument)*
        )
    };
}

/// Of each parent one row more than the page has; the parents' ids stand in this column.
macro_rules! page_of {
    ($db:ident, $column:tt, $parents:ident, $filter:ident, $window:ident) => {{
        let (moment, id) = $window.least_bound();
        macro_rules! page {
            ($beyond:tt, $order:tt) => {
                shown!(
                    appointments,
                    ["unnest($6::uuid[]) AS parent (id) CROSS JOIN LATERAL (
                          SELECT * FROM diagnosis.appointment AS appointment WHERE appointment." $column " = parent.id AND"]
                    ["AND (appointment.start_at, appointment.id) " $beyond " ($7, $8)
                          ORDER BY appointment.start_at " $order ", appointment.id " $order " LIMIT $9
                      ) AS appointment ORDER BY appointment." $column ", appointment.start_at " $order ", appointment.id " $order],
                    $filter, $parents, moment, id, $window.limit()
                )
                .fetch_all($db)
                .await
            };
        }
        appointments(least_first!($window, page)?)
    }};
}

/// How many rows of each parent a filter leaves; the parents' ids stand in this column.
macro_rules! count_of {
    ($db:ident, $column:tt, $parents:ident, $filter:ident) => {{
        let rows = shown!(
            query_of,
            [r#"SELECT parent.id AS "id!", (SELECT count(*) FROM (
                    SELECT FROM diagnosis.appointment AS appointment WHERE appointment."# $column " = parent.id AND"]
            [r#"LIMIT $7) AS found) AS "total!" FROM unnest($6::uuid[]) AS parent (id)"#],
            $filter,
            $parents,
            Total::LIMIT
        );
        Ok(rows.fetch_all($db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
    }};
}

/// The appointments with these ids; of one patient's only, if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Appointment>, sqlx::Error> {
    let rows = appointments!(
        ["diagnosis.appointment AS appointment WHERE id = ANY($1) AND ($2::uuid IS NULL OR patient_id = $2)"],
        ids,
        own,
    );
    appointments(rows.fetch_all(db).await?)
}

/// An appointment, locked until the transaction ends; one patient's only, if one is named.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: Uuid,
    own: Option<Uuid>,
) -> Result<Option<Appointment>, sqlx::Error> {
    let row = appointments!(
        ["diagnosis.appointment AS appointment
          WHERE id = $1 AND ($2::uuid IS NULL OR patient_id = $2) FOR UPDATE"],
        id,
        own,
    );
    row.fetch_optional(connection).await?.map(Appointment::try_from).transpose()
}

/// A page of each of these patients.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &AppointmentFilter,
    window: &Window<Place>,
) -> Result<Vec<Appointment>, sqlx::Error> {
    page_of!(db, "patient_id", patients, filter, window)
}

/// How many appointments of each of these patients a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &AppointmentFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    count_of!(db, "patient_id", patients, filter)
}

/// A page of each of these doctors.
pub(crate) async fn of_doctors(
    db: impl PgExecutor<'_>,
    doctors: &[Uuid],
    filter: &AppointmentFilter,
    window: &Window<Place>,
) -> Result<Vec<Appointment>, sqlx::Error> {
    page_of!(db, "doctor_id", doctors, filter, window)
}

/// How many appointments of each of these doctors a filter leaves.
pub(crate) async fn count_of_doctors(
    db: impl PgExecutor<'_>,
    doctors: &[Uuid],
    filter: &AppointmentFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    count_of!(db, "doctor_id", doctors, filter)
}

/// One row more than the page has, of everybody.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &AppointmentFilter,
    window: &Window<Place>,
) -> Result<Vec<Appointment>, sqlx::Error> {
    let (moment, id) = window.least_bound();
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                appointments,
                ["diagnosis.appointment AS appointment WHERE"]
                ["AND (appointment.start_at, appointment.id) " $beyond " ($6, $7)
                  ORDER BY appointment.start_at " $order ", appointment.id " $order " LIMIT $8"],
                filter, moment, id, window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    appointments(least_first!(window, page)?)
}

/// How many appointments a filter leaves, of everybody.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &AppointmentFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.appointment AS appointment WHERE"#]["LIMIT $6) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Waits until nobody else books these people, and keeps others waiting until the transaction ends. All take them in the same
/// order, so that no two wait for each other.
pub(crate) async fn lock_people(connection: &mut PgConnection, people: &[Uuid]) -> Result<(), sqlx::Error> {
    // Of UUIDv7 the lower half is random; two people with the same number wait for each other without need.
    let number = |id: &Uuid| {
        let (high, low) = id.as_u64_pair();
        (high ^ low).cast_signed()
    };
    let mut numbers: Vec<i64> = people.iter().map(number).collect();
    numbers.sort_unstable();
    let locked = sqlx::query!("SELECT pg_advisory_xact_lock(number) FROM unnest($1::bigint[]) AS number", &numbers);
    locked.execute(connection).await.map(drop)
}

/// Whose time is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Person {
    Doctor(Uuid),
    Patient(Uuid),
}

/// When somebody is somewhere, as far as it overlaps a time; one appointment is left out.
pub(crate) async fn taken(
    connection: &mut PgConnection,
    person: Person,
    within: Period,
    except: Option<Uuid>,
) -> Result<Vec<Period>, sqlx::Error> {
    /// No appointment is longer: what began earlier has ended.
    const LONGEST: Duration = Duration::hours(24);
    struct Taken {
        start_at: DateTime<Utc>,
        end_at: DateTime<Utc>,
    }
    macro_rules! of {
        ($column:tt, $person:ident) => {
            sqlx::query_as!(
                Taken,
                "SELECT start_at, end_at FROM diagnosis.appointment WHERE "
                    + $column
                    + " = $1
                     AND start_at > $2 AND start_at < $3 AND end_at > $4 AND ($5::uuid IS NULL OR id <> $5)
                     AND status NOT IN ('CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR')",
                $person,
                within.start() - LONGEST,
                within.end(),
                within.start(),
                except,
            )
            .fetch_all(connection)
            .await?
        };
    }
    let rows = match person {
        Person::Doctor(id) => of!("doctor_id", id),
        Person::Patient(id) => of!("patient_id", id),
    };
    rows.into_iter().map(|row| period(row.start_at, row.end_at)).collect()
}

/// Adds an appointment.
pub(crate) async fn insert(connection: &mut PgConnection, appointment: &Appointment) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.appointment (id, status, patient_id, doctor_id, start_at, end_at, reason, note,
             cancel_reason, booked_by, created_at, updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        appointment.id,
        appointment.status.text(),
        appointment.patient_id,
        appointment.doctor_id,
        appointment.period.start(),
        appointment.period.end(),
        appointment.reason,
        appointment.note,
        appointment.cancel_reason,
        appointment.booked_by,
        appointment.created_at,
        appointment.updated_at,
        appointment.version,
    );
    inserted.execute(connection).await.map(drop)
}

/// Writes what of an appointment changes.
pub(crate) async fn update(connection: &mut PgConnection, appointment: &Appointment) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE diagnosis.appointment
         SET status = $2, doctor_id = $3, start_at = $4, end_at = $5, reason = $6, note = $7, cancel_reason = $8,
             updated_at = $9, version = $10
         WHERE id = $1",
        appointment.id,
        appointment.status.text(),
        appointment.doctor_id,
        appointment.period.start(),
        appointment.period.end(),
        appointment.reason,
        appointment.note,
        appointment.cancel_reason,
        appointment.updated_at,
        appointment.version,
    );
    updated.execute(connection).await.map(drop)
}

/// Whether the database refused somebody to be in two places at once.
pub(crate) fn is_in_two_places(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|refusal| refusal.code().as_deref() == Some("23P01"))
}
