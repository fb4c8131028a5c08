//! Records of another system, taken over as they are. Run again, an import changes nothing.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use healthbridge_change::new_id;
use healthbridge_outcome::{Refusals, UserError, reasons};
use healthbridge_rights::Role;
use healthbridge_terms::{Address, AdministrativeGender, ContactPoint, HumanName, Identifier};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    domain::{Mrn, Patient, RecordVersion, Staff, StaffProfession, patient_input},
    store::{imports, patients, record_versions, staff},
};

/// A patient of another system.
#[derive(Clone, Debug)]
pub struct ForeignPatient {
    /// The other system's name for the resource.
    pub source: String,
    /// The name.
    pub name: HumanName,
    /// Gender for administration.
    pub gender: AdministrativeGender,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// When the patient died.
    pub deceased_at: Option<DateTime<Utc>>,
    /// Ways to reach the patient.
    pub telecom: Vec<ContactPoint>,
    /// Postal addresses.
    pub addresses: Vec<Address>,
    /// Identifiers. A record that has one of them already is the same person's.
    pub identifiers: Vec<Identifier>,
    /// The other system's name for the general practitioner.
    pub general_practitioner: Option<String>,
    /// Whether the record is in use.
    pub active: bool,
}

/// A member of another system's staff.
#[derive(Clone, Debug)]
pub struct ForeignPractitioner {
    /// The other system's name for the resource.
    pub source: String,
    /// The name.
    pub name: HumanName,
    /// National licence number. Somebody of the staff who has it already is the same person.
    pub licence_number: Option<String>,
    /// Whether the person works there.
    pub active: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Patients that are new.
    pub patients: u64,
    /// Members of the staff that are new.
    pub practitioners: u64,
    /// Records that were there already.
    pub known: u64,
    /// What was left out: the source and the reason.
    pub skipped: Vec<(String, String)>,
}

/// Imports batches into a database.
#[derive(Clone, Debug)]
pub struct Importer {
    pool: PgPool,
}

impl Importer {
    /// An importer into this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Whether a file, known by the SHA-256 of its bytes, was read to its end by this version of an importer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_read(&self, sha256: &[u8], importer: i32) -> Result<bool, sqlx::Error> {
        imports::has_file(&self.pool, sha256, importer).await
    }

    /// Notes that a file was read to its end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(&self, sha256: &[u8], importer: i32, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        imports::insert_file(&self.pool, sha256, importer, now).await
    }

    /// The patients that these sources became.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn patients(&self, sources: &[String]) -> Result<HashMap<String, Uuid>, sqlx::Error> {
        imports::patients(&self.pool, sources).await
    }

    /// The account that answers for an import: the one with this email address, or the oldest administrator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn responsible(&self, email: Option<&str>) -> Result<Option<Uuid>, sqlx::Error> {
        imports::active_account(&self.pool, email, Role::Admin).await
    }

    /// Takes over a batch, whole or not at all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import(
        &self,
        practitioners: Vec<ForeignPractitioner>,
        patients: Vec<ForeignPatient>,
        now: DateTime<Utc>,
    ) -> Result<Imported, sqlx::Error> {
        let now = now.trunc_subsecs(6);
        let mut transaction = self.pool.begin().await?;
        imports::lock(&mut transaction).await?;
        let mut batch = Batch { known: HashMap::new(), new: Vec::new(), done: Imported::default(), now };
        let sources = practitioners.iter().map(|one| &one.source).chain(patients.iter().map(|one| &one.source));
        let sources = sources.chain(patients.iter().filter_map(|one| one.general_practitioner.as_ref()));
        let sources: Vec<String> = sources.cloned().collect();
        batch.known = imports::imported(&mut transaction, &sources).await?;
        for one in practitioners {
            batch.practitioner(&mut transaction, one).await?;
        }
        let mut mrns = Vec::new();
        for one in patients {
            batch.patient(&mut transaction, one, &mut mrns).await?;
        }
        imports::insert(&mut transaction, &batch.new, now).await?;
        transaction.commit().await?;
        Ok(batch.done)
    }
}

struct Batch {
    /// Records by their source.
    known: HashMap<String, Uuid>,
    new: Vec<(String, Uuid)>,
    done: Imported,
    now: DateTime<Utc>,
}

impl Batch {
    async fn practitioner(
        &mut self,
        connection: &mut PgConnection,
        one: ForeignPractitioner,
    ) -> Result<(), sqlx::Error> {
        if self.known.contains_key(&one.source) {
            self.done.known += 1;
            return Ok(());
        }
        let mut refusals = Refusals::default();
        let member = Staff {
            id: new_id(),
            name: patient_input::name(&mut refusals, &one.name),
            profession: StaffProfession::Physician,
            specialty: None,
            licence_number: refusals.optional_line("identifier", one.licence_number.as_deref()),
            department: None,
            active: one.active,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        };
        let member = match refusals.or(member) {
            Ok(member) => member,
            Err(refused) => return self.skip(one.source, &refused),
        };
        let same = match &member.licence_number {
            Some(licence) => imports::staff_with_licence(connection, licence).await?,
            None => None,
        };
        if let Some(id) = same {
            self.note(one.source, id);
            self.done.known += 1;
            return Ok(());
        }
        staff::insert(connection, &member).await?;
        let changed_fields = ["name", "licenceNumber"].map(str::to_owned).to_vec();
        self.insert_version(connection, member.id, changed_fields).await?;
        self.note(one.source, member.id);
        self.done.practitioners += 1;
        Ok(())
    }

    async fn patient(
        &mut self,
        connection: &mut PgConnection,
        one: ForeignPatient,
        mrns: &mut Vec<Mrn>,
    ) -> Result<(), sqlx::Error> {
        if self.known.contains_key(&one.source) {
            self.done.known += 1;
            return Ok(());
        }
        let mut refusals = Refusals::default();
        let name = patient_input::name(&mut refusals, &one.name);
        patient_input::birth_date(&mut refusals, one.birth_date, self.now.date_naive());
        patient_input::death(&mut refusals, one.deceased_at, one.birth_date, self.now);
        let telecom = patient_input::telecom(&mut refusals, &one.telecom);
        let addresses = patient_input::addresses(&mut refusals, &one.addresses);
        let identifiers = patient_input::identifiers(&mut refusals, &one.identifiers);
        if let Err(refused) = refusals.or(()) {
            return self.skip(one.source, &refused);
        }
        if let Some(id) = imports::patient_with_any(connection, &identifiers).await? {
            self.note(one.source, id);
            self.done.known += 1;
            return Ok(());
        }
        let general_practitioner_id =
            one.general_practitioner.as_ref().and_then(|source| self.known.get(source)).copied();
        let mut patient = Patient {
            id: new_id(),
            mrn: next_mrn(connection, mrns).await?,
            active: one.active,
            name,
            gender: one.gender,
            birth_date: one.birth_date,
            deceased_at: one.deceased_at.map(|at| at.trunc_subsecs(6)),
            telecom,
            addresses,
            identifiers,
            conditions: Vec::new(),
            general_practitioner_id,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        };
        // Somebody may have chosen a number that the sequence comes to later.
        while !patients::insert(connection, &patient).await? {
            patient.mrn = next_mrn(connection, mrns).await?;
        }
        self.insert_version(connection, patient.id, patient.filled_fields()).await?;
        self.note(one.source, patient.id);
        self.done.patients += 1;
        Ok(())
    }

    /// The making of a record, by nobody who has an account.
    async fn insert_version(
        &self,
        connection: &mut PgConnection,
        record_id: Uuid,
        changed_fields: Vec<String>,
    ) -> Result<(), sqlx::Error> {
        let changed_at = self.now;
        let version =
            RecordVersion { record_id, version: 1, changed_at, changed_by: None, changed_fields, reason: None };
        record_versions::insert(connection, &version).await
    }

    fn note(&mut self, source: String, id: Uuid) {
        self.known.insert(source.clone(), id);
        self.new.push((source, id));
    }

    #[expect(clippy::unnecessary_wraps, reason = "the callers return it")]
    fn skip(&mut self, source: String, refused: &[UserError]) -> Result<(), sqlx::Error> {
        self.done.skipped.push((source, reasons(refused)));
        Ok(())
    }
}

/// The next record number; they are taken a hundred at a time.
async fn next_mrn(connection: &mut PgConnection, mrns: &mut Vec<Mrn>) -> Result<Mrn, sqlx::Error> {
    if mrns.is_empty() {
        *mrns = patients::next_mrns(connection, 100).await?;
        mrns.reverse();
    }
    mrns.pop().ok_or(sqlx::Error::RowNotFound)
}
