use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of, sought};
use healthbridge_terms::{Coded, Coding, HumanName, folded};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Staff, StaffProfession};

struct Row {
    id: Uuid,
    name_use: String,
    family: String,
    given: Vec<String>,
    prefix: Vec<String>,
    suffix: Vec<String>,
    profession: String,
    specialty: Option<Json<Coding>>,
    licence_number: Option<String>,
    department: Option<String>,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Staff {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            name: HumanName {
                name_use: known("name_use", &row.name_use)?,
                family: row.family,
                given: row.given,
                prefix: row.prefix,
                suffix: row.suffix,
            },
            profession: known("profession", &row.profession)?,
            specialty: row.specialty.map(|json| json.0),
            licence_number: row.licence_number,
            department: row.department,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// A statement that reads members of the staff; what follows the columns differs.
macro_rules! select {
    ([$($which:tt)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, name_use, family, given, prefix, suffix, profession, specialty AS "specialty: _",
                      licence_number, department, active, created_at, updated_at, version
               FROM patients.staff "# $(+ $which)+,
            $($argument),+
        )
    };
}

/// Which members of the staff a list shows; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct StaffFilter {
    pub profession: Option<StaffProfession>,
    pub department: Option<String>,
    pub active: Option<bool>,
    /// Beginning of the family name, in any case.
    pub search: Option<String>,
}

/// A statement over the members that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " ($1::text IS NULL OR profession = $1)
                   AND ($2::text IS NULL OR department = $2)
                   AND ($3::boolean IS NULL OR active = $3)
                   AND ($4::text IS NULL OR starts_with(sort_name, $4)) "
                $($after)*
            ],
            $filter.profession.map(Coded::text),
            $filter.department.as_deref().map(sought),
            $filter.active,
            $filter.search.as_deref().map(|search| folded(&sought(search)))
            $(, $argument)*
        )
    };
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &StaffFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Staff>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                select, ["WHERE"] ["AND id " $beyond " $5 ORDER BY id " $order " LIMIT $6"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)?.into_iter().map(Staff::try_from).collect()
}

/// How many members a filter leaves.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &StaffFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM patients.staff WHERE"#]["LIMIT $5) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Adds a member of the staff.
pub(crate) async fn insert(connection: &mut PgConnection, staff: &Staff) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.staff (id, name_use, family, given, prefix, suffix, profession, licence_number,
             department, active, created_at, updated_at, version, specialty,
             sort_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        staff.id,
        staff.name.name_use.text(),
        staff.name.family,
        &staff.name.given,
        &staff.name.prefix,
        &staff.name.suffix,
        staff.profession.text(),
        staff.licence_number,
        staff.department,
        staff.active,
        staff.created_at,
        staff.updated_at,
        staff.version,
        staff.specialty.as_ref().map(Json) as _,
        staff.name.sort_key(),
    );
    inserted.execute(connection).await.map(drop)
}

/// The members of the staff with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Staff>, sqlx::Error> {
    let rows = select!(["WHERE id = ANY($1)"], ids);
    rows.fetch_all(db).await?.into_iter().map(Staff::try_from).collect()
}

/// The member of the staff, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Staff>, sqlx::Error> {
    let row = select!(["WHERE id = $1 FOR UPDATE"], id);
    row.fetch_optional(connection).await?.map(Staff::try_from).transpose()
}

/// Writes what may change of a member of the staff that is locked.
pub(crate) async fn update(connection: &mut PgConnection, staff: &Staff) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE patients.staff SET name_use = $2, family = $3, given = $4, prefix = $5, suffix = $6, profession = $7,
             specialty = $8, licence_number = $9, department = $10, active = $11, updated_at = $12, version = $13,
             sort_name = $14
         WHERE id = $1",
        staff.id,
        staff.name.name_use.text(),
        staff.name.family,
        &staff.name.given,
        &staff.name.prefix,
        &staff.name.suffix,
        staff.profession.text(),
        staff.specialty.as_ref().map(Json) as _,
        staff.licence_number,
        staff.department,
        staff.active,
        staff.updated_at,
        staff.version,
        staff.name.sort_key(),
    );
    updated.execute(connection).await.map(drop)
}
