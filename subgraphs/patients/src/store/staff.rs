use chrono::{DateTime, Utc};
use healthbridge_postgres::known;
use sqlx::types::Json;
use uuid::Uuid;

use super::Store;
use crate::domain::{HumanName, Staff};

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

impl Store {
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
