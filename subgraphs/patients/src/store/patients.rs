use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_postgres::{known, sought};
use healthbridge_terms::{Address, Coded, Coding, ContactPoint, HumanName, Identifier};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Mrn, Patient};

/// A statement that reads patients; what follows the columns differs.
macro_rules! select {
    ($first:tt $(+ $more:tt)*, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, mrn, active, name_use, family, given, prefix, suffix, gender, birth_date, deceased_at,
                      telecom AS "telecom: _", addresses AS "addresses: _", identifiers AS "identifiers: _",
                      conditions AS "conditions: _", general_practitioner_id, created_at, updated_at, version
               FROM patients.patient "# + $first $(+ $more)*,
            $($argument),+
        )
    };
}

mod search;

pub(crate) use search::*;

struct Row {
    id: Uuid,
    mrn: String,
    active: bool,
    name_use: String,
    family: String,
    given: Vec<String>,
    prefix: Vec<String>,
    suffix: Vec<String>,
    gender: String,
    birth_date: Option<NaiveDate>,
    deceased_at: Option<DateTime<Utc>>,
    telecom: Json<Vec<ContactPoint>>,
    addresses: Json<Vec<Address>>,
    identifiers: Json<Vec<Identifier>>,
    conditions: Json<Vec<Coding>>,
    general_practitioner_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Patient {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            mrn: known("mrn", &row.mrn)?,
            active: row.active,
            name: HumanName {
                name_use: known("name_use", &row.name_use)?,
                family: row.family,
                given: row.given,
                prefix: row.prefix,
                suffix: row.suffix,
            },
            gender: known("gender", &row.gender)?,
            birth_date: row.birth_date,
            deceased_at: row.deceased_at,
            telecom: row.telecom.0,
            addresses: row.addresses.0,
            identifiers: row.identifiers.0,
            conditions: row.conditions.0,
            general_practitioner_id: row.general_practitioner_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The patients with these ids that `own` does not hide.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Patient>, sqlx::Error> {
    let rows = select!("WHERE id = ANY($1) AND ($2::uuid IS NULL OR id = $2)", ids, own,);
    rows.fetch_all(db).await?.into_iter().map(Patient::try_from).collect()
}

/// The patients with these record numbers that `own` does not hide.
pub(crate) async fn by_mrn(
    db: impl PgExecutor<'_>,
    mrns: &[String],
    own: Option<Uuid>,
) -> Result<Vec<Patient>, sqlx::Error> {
    let mrns: Vec<String> = mrns.iter().map(|mrn| sought(mrn)).collect();
    let rows = select!("WHERE mrn = ANY($1) AND ($2::uuid IS NULL OR id = $2)", &mrns, own,);
    rows.fetch_all(db).await?.into_iter().map(Patient::try_from).collect()
}

/// So many record numbers that were never given before.
pub(crate) async fn next_mrns(db: impl PgExecutor<'_>, count: i32) -> Result<Vec<Mrn>, sqlx::Error> {
    let serials =
        sqlx::query_scalar!(r#"SELECT nextval('patients.mrn_number') AS "next!" FROM generate_series(1, $1)"#, count,);
    let mrn = |serial| u32::try_from(serial).ok().and_then(|serial| Mrn::from_serial(serial).ok());
    let mrn = |serial| mrn(serial).ok_or_else(|| sqlx::Error::Decode("there are no more record numbers".into()));
    serials.fetch_all(db).await?.into_iter().map(mrn).collect()
}

/// A record number that was never given before.
pub(crate) async fn next_mrn(db: impl PgExecutor<'_>) -> Result<Mrn, sqlx::Error> {
    next_mrns(db, 1).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

/// Adds a patient; `false` where the record number is taken.
pub(crate) async fn insert(connection: &mut PgConnection, patient: &Patient) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.patient (id, mrn, active, name_use, family, given, prefix, suffix, sort_name, gender,
             birth_date, deceased_at, telecom, addresses, identifiers, conditions, general_practitioner_id,
             created_at, updated_at, version, sort_given)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
         ON CONFLICT (mrn) DO NOTHING",
        patient.id,
        patient.mrn.as_str(),
        patient.active,
        patient.name.name_use.text(),
        patient.name.family,
        &patient.name.given,
        &patient.name.prefix,
        &patient.name.suffix,
        patient.name.sort_key(),
        patient.gender.text(),
        patient.birth_date,
        patient.deceased_at,
        Json(&patient.telecom) as _,
        Json(&patient.addresses) as _,
        Json(&patient.identifiers) as _,
        Json(&patient.conditions) as _,
        patient.general_practitioner_id,
        patient.created_at,
        patient.updated_at,
        patient.version,
        patient.name.sort_given(),
    );
    Ok(inserted.execute(connection).await?.rows_affected() == 1)
}

/// The patient, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Patient>, sqlx::Error> {
    let row = select!("WHERE id = $1 FOR UPDATE", id,);
    row.fetch_optional(connection).await?.map(Patient::try_from).transpose()
}

/// Writes what may change of a patient that is locked.
pub(crate) async fn update(connection: &mut PgConnection, patient: &Patient) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE patients.patient SET active = $2, name_use = $3, family = $4, given = $5, prefix = $6, suffix = $7,
             sort_name = $8, gender = $9, birth_date = $10, deceased_at = $11, telecom = $12, addresses = $13,
             identifiers = $14, conditions = $15, general_practitioner_id = $16, updated_at = $17, version = $18,
             sort_given = $19
         WHERE id = $1",
        patient.id,
        patient.active,
        patient.name.name_use.text(),
        patient.name.family,
        &patient.name.given,
        &patient.name.prefix,
        &patient.name.suffix,
        patient.name.sort_key(),
        patient.gender.text(),
        patient.birth_date,
        patient.deceased_at,
        Json(&patient.telecom) as _,
        Json(&patient.addresses) as _,
        Json(&patient.identifiers) as _,
        Json(&patient.conditions) as _,
        patient.general_practitioner_id,
        patient.updated_at,
        patient.version,
        patient.name.sort_given(),
    );
    updated.execute(connection).await.map(drop)
}
