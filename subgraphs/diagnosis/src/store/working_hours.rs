use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Hours, WorkingHours};

struct Row {
    doctor_id: Uuid,
    valid_from: NaiveDate,
    valid_until: Option<NaiveDate>,
    hours: Json<Vec<Hours>>,
    updated_at: DateTime<Utc>,
    updated_by: Uuid,
    version: i32,
}

impl From<Row> for WorkingHours {
    fn from(row: Row) -> Self {
        Self {
            doctor_id: row.doctor_id,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            hours: row.hours.0,
            updated_at: row.updated_at,
            updated_by: row.updated_by,
            version: row.version,
        }
    }
}

/// All that were ever set for these doctors, in the order of their first days.
pub(crate) async fn of_doctors(db: impl PgExecutor<'_>, doctors: &[Uuid]) -> Result<Vec<WorkingHours>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT doctor_id, valid_from, valid_until, hours AS "hours: _", updated_at, updated_by, version
           FROM diagnosis.working_hours WHERE doctor_id = ANY($1) ORDER BY doctor_id, valid_from"#,
        doctors,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(WorkingHours::from).collect())
}

/// Sets the hours from a day on, new or in the place of those of the same day.
pub(crate) async fn set(connection: &mut PgConnection, hours: &WorkingHours) -> Result<(), sqlx::Error> {
    let set = sqlx::query!(
        "INSERT INTO diagnosis.working_hours (doctor_id, valid_from, valid_until, hours, updated_at, updated_by, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (doctor_id, valid_from) DO UPDATE
         SET valid_until = $3, hours = $4, updated_at = $5, updated_by = $6, version = $7",
        hours.doctor_id,
        hours.valid_from,
        hours.valid_until,
        Json(&hours.hours) as _,
        hours.updated_at,
        hours.updated_by,
        hours.version,
    );
    set.execute(connection).await.map(drop)
}
