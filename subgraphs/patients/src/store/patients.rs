use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_graphql::{Direction, Window};
use healthbridge_postgres::known;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::Store;
use crate::domain::{Address, AdministrativeGender, ContactPoint, HumanName, Identifier, Mrn, Patient};

type Coding = healthbridge_graphql::Coding;

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
        let mrn = Mrn::parse(&row.mrn);
        let mrn =
            mrn.map_err(|source| sqlx::Error::ColumnDecode { index: "mrn".to_owned(), source: Box::new(source) })?;
        Ok(Self {
            id: row.id,
            mrn,
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

/// Which patients a list shows; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatientFilter {
    /// Beginning of [`HumanName::sort_key`], lower case, or a whole record number.
    pub search: Option<String>,
    pub mrn: Option<String>,
    pub family: Option<String>,
    pub given: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub gender: Option<AdministrativeGender>,
    pub active: Option<bool>,
}

/// How a list is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatientOrder {
    FamilyNameAsc,
    CreatedAtDesc,
}

impl PatientOrder {
    /// The ordering's name in cursors.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::FamilyNameAsc => "patient-name",
            Self::CreatedAtDesc => "patient-created",
        }
    }
}

/// A row's place in either order. Ids are UUIDv7: their order is that of creation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SortKey {
    pub name: String,
    pub id: Uuid,
}

impl SortKey {
    pub(crate) fn of(patient: &Patient) -> Self {
        Self { name: patient.name.sort_key(), id: patient.id }
    }
}

/// One statement for each order and direction: the ends differ, the filter does not.
macro_rules! list {
    ($store:expr, $filter:expr, $window:expr, $own:expr, $after:tt, $order:tt) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, mrn, active, name_use, family, given, prefix, suffix, gender, birth_date, deceased_at,
                      telecom AS "telecom: _", addresses AS "addresses: _", identifiers AS "identifiers: _",
                      conditions AS "conditions: _", general_practitioner_id, created_at, updated_at, version
               FROM patients.patient
               WHERE ($1::uuid IS NULL OR id = $1)
                 AND ($2::text IS NULL OR sort_name COLLATE "C" LIKE $2 OR mrn = $3)
                 AND ($4::text IS NULL OR mrn = $4)
                 AND ($5::text IS NULL OR sort_name COLLATE "C" LIKE $5)
                 AND ($6::text IS NULL OR lower(given[1]) LIKE $6)
                 AND ($7::date IS NULL OR birth_date = $7)
                 AND ($8::text IS NULL OR gender = $8)
                 AND ($9::boolean IS NULL OR active = $9)"#
                + $after
                + $order,
            $own,
            $filter.search.as_deref().map(prefix),
            $filter.search,
            $filter.mrn,
            $filter.family.as_deref().map(prefix),
            $filter.given.as_deref().map(prefix),
            $filter.birth_date,
            $filter.gender.map(<&str>::from),
            $filter.active,
            $window.start.as_ref().map(|start| start.name.clone()),
            $window.start.as_ref().map(|start| start.id),
            $window.limit(),
        )
        .fetch_all(&$store.pool)
        .await
    };
}

/// A LIKE pattern for texts that begin so.
fn prefix(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{escaped}%")
}

impl Store {
    /// The patients with these ids that `own` does not hide.
    pub(crate) async fn patients_by_id(&self, ids: &[Uuid], own: Option<Uuid>) -> Result<Vec<Patient>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, mrn, active, name_use, family, given, prefix, suffix, gender, birth_date, deceased_at,
                      telecom AS "telecom: _", addresses AS "addresses: _", identifiers AS "identifiers: _",
                      conditions AS "conditions: _", general_practitioner_id, created_at, updated_at, version
               FROM patients.patient
               WHERE id = ANY($1) AND ($2::uuid IS NULL OR id = $2)"#,
            ids,
            own,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Patient::try_from).collect()
    }

    /// The ids of the patients with these record numbers that `own` does not hide.
    pub(crate) async fn patient_ids_by_mrn(
        &self,
        mrns: &[String],
        own: Option<Uuid>,
    ) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
        let rows = sqlx::query!(
            "SELECT mrn, id FROM patients.patient WHERE mrn = ANY($1) AND ($2::uuid IS NULL OR id = $2)",
            mrns,
            own,
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (row.mrn, row.id)).collect())
    }

    /// One row more than the page has.
    pub(crate) async fn list_patients(
        &self,
        filter: &PatientFilter,
        order: PatientOrder,
        window: &Window<SortKey>,
        own: Option<Uuid>,
    ) -> Result<Vec<Patient>, sqlx::Error> {
        let rows = match (order, window.direction) {
            (PatientOrder::FamilyNameAsc, Direction::Forward) => list!(
                self,
                filter,
                window,
                own,
                r#" AND ($11::uuid IS NULL OR (sort_name COLLATE "C", id) > ($10, $11))"#,
                r#" ORDER BY sort_name COLLATE "C", id LIMIT $12"#
            ),
            (PatientOrder::FamilyNameAsc, Direction::Backward) => list!(
                self,
                filter,
                window,
                own,
                r#" AND ($11::uuid IS NULL OR (sort_name COLLATE "C", id) < ($10, $11))"#,
                r#" ORDER BY sort_name COLLATE "C" DESC, id DESC LIMIT $12"#
            ),
            (PatientOrder::CreatedAtDesc, Direction::Forward) => list!(
                self,
                filter,
                window,
                own,
                r#" AND ($11::uuid IS NULL OR id < $11) AND ($10::text IS NULL OR true)"#,
                r#" ORDER BY id DESC LIMIT $12"#
            ),
            (PatientOrder::CreatedAtDesc, Direction::Backward) => list!(
                self,
                filter,
                window,
                own,
                r#" AND ($11::uuid IS NULL OR id > $11) AND ($10::text IS NULL OR true)"#,
                r#" ORDER BY id LIMIT $12"#
            ),
        };
        rows?.into_iter().map(Patient::try_from).collect()
    }

    /// How many patients a filter leaves.
    pub(crate) async fn count_patients(&self, filter: &PatientFilter, own: Option<Uuid>) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM patients.patient
               WHERE ($1::uuid IS NULL OR id = $1)
                 AND ($2::text IS NULL OR sort_name COLLATE "C" LIKE $2 OR mrn = $3)
                 AND ($4::text IS NULL OR mrn = $4)
                 AND ($5::text IS NULL OR sort_name COLLATE "C" LIKE $5)
                 AND ($6::text IS NULL OR lower(given[1]) LIKE $6)
                 AND ($7::date IS NULL OR birth_date = $7)
                 AND ($8::text IS NULL OR gender = $8)
                 AND ($9::boolean IS NULL OR active = $9)"#,
            own,
            filter.search.as_deref().map(prefix),
            filter.search,
            filter.mrn,
            filter.family.as_deref().map(prefix),
            filter.given.as_deref().map(prefix),
            filter.birth_date,
            filter.gender.map(<&str>::from),
            filter.active,
        )
        .fetch_one(&self.pool)
        .await
    }

    /// The next serial number of a record number.
    pub(crate) async fn next_mrn_serial(&self) -> Result<i64, sqlx::Error> {
        let next = sqlx::query_scalar!(r#"SELECT nextval('patients.mrn_number') AS "next!""#);
        next.fetch_one(&self.pool).await
    }

    /// Adds a patient; `false` where the record number is taken.
    pub(crate) async fn insert_patient(connection: &mut PgConnection, patient: &Patient) -> Result<bool, sqlx::Error> {
        let inserted = sqlx::query!(
            "INSERT INTO patients.patient (id, mrn, active, name_use, family, given, prefix, suffix, sort_name, gender,
                 birth_date, deceased_at, telecom, addresses, identifiers, conditions, general_practitioner_id,
                 created_at, updated_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
             ON CONFLICT (mrn) DO NOTHING",
            patient.id,
            patient.mrn.as_str(),
            patient.active,
            <&str>::from(patient.name.name_use),
            patient.name.family,
            &patient.name.given,
            &patient.name.prefix,
            &patient.name.suffix,
            patient.name.sort_key(),
            <&str>::from(patient.gender),
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
        );
        Ok(inserted.execute(connection).await?.rows_affected() == 1)
    }
}
