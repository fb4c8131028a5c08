//! Rows made by the program: demo data and benchmarks.

use healthbridge_postgres::copy::{Loader, Rows};
use healthbridge_terms::Coded;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::{Account, Patient, Staff};

/// What is loaded.
#[derive(Debug, Default)]
pub struct Seed {
    /// Members of the staff.
    pub staff: Vec<Staff>,
    /// Patients.
    pub patients: Vec<Patient>,
    /// Accounts with their password hashes.
    pub accounts: Vec<(Account, String)>,
}

/// Of these accounts those that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn missing_accounts(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let missing = sqlx::query_scalar!(
        r#"SELECT wanted.id AS "id!" FROM unnest($1::uuid[]) AS wanted (id)
           WHERE NOT EXISTS (SELECT FROM patients.account AS account WHERE account.id = wanted.id)"#,
        ids,
    );
    missing.fetch_all(pool).await
}

impl Seed {
    /// Loads the rows that are not there yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn load(self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut loader = Loader::begin(pool).await?;
        let mut rows = Rows::default();
        for one in &self.staff {
            rows.value(one.id).value(one.name.name_use.text()).value(&one.name.family);
            rows.array(&one.name.given).array(&one.name.prefix).array(&one.name.suffix);
            rows.value(one.profession.text()).optional(one.specialty.as_ref().map(json));
            rows.optional(one.department.as_ref()).value(one.created_at.to_rfc3339());
            rows.value(one.updated_at.to_rfc3339()).value(one.name.sort_key()).end_row();
        }
        let columns = "id, name_use, family, given, prefix, suffix, profession, specialty, department, created_at, \
                       updated_at, sort_name";
        loader.load(rows, "patients.staff", columns).await?;

        let mut rows = Rows::default();
        for one in &self.patients {
            rows.value(one.id).value(&one.mrn).value(one.name.name_use.text()).value(&one.name.family);
            rows.array(&one.name.given).array(&one.name.prefix).array(&one.name.suffix).value(one.name.sort_key());
            rows.value(one.name.sort_given())
                .value(one.gender.text())
                .optional(one.birth_date)
                .value(json(&one.telecom));
            rows.value(json(&one.addresses)).value(json(&one.identifiers)).value(json(&one.conditions));
            rows.optional(one.general_practitioner_id).value(one.active).value(one.version);
            rows.value(one.created_at.to_rfc3339()).value(one.updated_at.to_rfc3339()).end_row();
        }
        let columns = "id, mrn, name_use, family, given, prefix, suffix, sort_name, sort_given, gender, birth_date, \
                       telecom, addresses, identifiers, conditions, general_practitioner_id, active, version, created_at, updated_at";
        loader.load(rows, "patients.patient", columns).await?;

        let mut rows = Rows::default();
        for (one, password_hash) in &self.accounts {
            rows.value(one.id).value(one.kind.text()).value(&one.email).value(password_hash).array(&one.roles);
            rows.array(&one.scopes).value(one.active).optional(one.patient_id).optional(one.staff_id);
            rows.value(one.version).value(one.created_at.to_rfc3339()).value(one.updated_at.to_rfc3339()).end_row();
        }
        let columns = "id, kind, email, password_hash, roles, scopes, active, patient_id, staff_id, version, \
                       created_at, updated_at";
        loader.load(rows, "patients.account", columns).await?;
        loader.commit().await
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises")
}
