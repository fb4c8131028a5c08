use chrono::{DateTime, Utc};
use healthbridge_graphql::Window;
use healthbridge_postgres::known;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::Store;
use crate::domain::{HumanName, Staff, StaffProfession};

struct Row {
    id: Uuid,
    name_use: String,
    family: String,
    given: Vec<String>,
    prefix: Vec<String>,
    suffix: Vec<String>,
    profession: String,
    specialty: Option<Json<healthbridge_graphql::Coding>>,
    licence_number: Option<String>,
    department: Option<String>,
    active: bool,
    created_at: DateTime<Utc>,
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
            version: row.version,
        })
    }
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

impl Store {
    /// One row more than the page has, the newest first.
    pub(crate) async fn list_staff(
        &self,
        filter: &StaffFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Staff>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, name_use, family, given, prefix, suffix, profession, specialty AS "specialty: _",
                      licence_number, department, active, created_at, version
               FROM patients.staff
               WHERE ($1::text IS NULL OR profession = $1)
                 AND ($2::text IS NULL OR department = $2)
                 AND ($3::boolean IS NULL OR active = $3)
                 AND ($4::text IS NULL OR starts_with(lower(family), lower($4)))
                 AND ($5::uuid IS NULL OR id < $5)
               ORDER BY id DESC LIMIT $6"#,
            filter.profession.map(<&str>::from),
            filter.department,
            filter.active,
            filter.search,
            window.start,
            window.limit(),
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Staff::try_from).collect()
    }

    /// Adds a member of the staff.
    pub(crate) async fn insert_staff(connection: &mut PgConnection, staff: &Staff) -> Result<(), sqlx::Error> {
        let inserted = sqlx::query!(
            "INSERT INTO patients.staff (id, name_use, family, given, prefix, suffix, profession, licence_number,
                 department, active, created_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            staff.id,
            <&str>::from(staff.name.name_use),
            staff.name.family,
            &staff.name.given,
            &staff.name.prefix,
            &staff.name.suffix,
            <&str>::from(staff.profession),
            staff.licence_number,
            staff.department,
            staff.active,
            staff.created_at,
            staff.version,
        );
        inserted.execute(connection).await.map(drop)
    }

    /// The members of the staff with these ids.
    pub(crate) async fn staff_by_id(&self, ids: &[Uuid]) -> Result<Vec<Staff>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, name_use, family, given, prefix, suffix, profession, specialty AS "specialty: _",
                      licence_number, department, active, created_at, version
               FROM patients.staff WHERE id = ANY($1)"#,
            ids,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Staff::try_from).collect()
    }
}
