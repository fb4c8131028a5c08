//! Records of another system, taken over as they are. Run again, an import changes nothing.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use healthbridge_auth::Role;
use healthbridge_graphql::{Refusals, UserError, reasons};
use sqlx::PgPool;
use uuid::Uuid;

use super::{create_patient::first_version, patient_input};
use crate::{
    domain::{
        Address, AdministrativeGender, ContactPoint, HumanName, Identifier, Mrn, Patient, RecordVersion, Staff,
        StaffProfession,
    },
    store::Store,
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
    store: Store,
}

impl Importer {
    /// An importer into this database.
    pub fn new(pool: PgPool) -> Self {
        Self { store: Store::new(pool) }
    }

    /// Whether a file, known by the SHA-256 of its bytes, was read to its end by this version of an importer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_read(&self, sha256: &[u8], importer: i32) -> Result<bool, sqlx::Error> {
        self.store.has_imported_file(sha256, importer).await
    }

    /// Notes that a file was read to its end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(&self, sha256: &[u8], importer: i32, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        self.store.insert_imported_file(sha256, importer, now).await
    }

    /// The patients that these sources became.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn patients(&self, sources: &[String]) -> Result<HashMap<String, Uuid>, sqlx::Error> {
        self.store.imported_patients(sources).await
    }

    /// The account that answers for an import: the one with this email address, or the oldest administrator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn responsible(&self, email: Option<&str>) -> Result<Option<Uuid>, sqlx::Error> {
        self.store.active_account(email, Role::Admin).await
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
        let mut transaction = self.store.pool().begin().await?;
        Store::lock_imports(&mut transaction).await?;
        let mut batch = Batch { known: HashMap::new(), new: Vec::new(), done: Imported::default(), now };
        let sources = practitioners.iter().map(|one| &one.source).chain(patients.iter().map(|one| &one.source));
        let sources = sources.chain(patients.iter().filter_map(|one| one.general_practitioner.as_ref()));
        let sources: Vec<String> = sources.cloned().collect();
        batch.known = Store::imported(&mut transaction, &sources).await?;
        for one in practitioners {
            batch.practitioner(&mut transaction, one).await?;
        }
        let mut serials = Vec::new();
        for one in patients {
            batch.patient(&mut transaction, one, &mut serials).await?;
        }
        Store::insert_imported(&mut transaction, &batch.new, now).await?;
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

type Connection = sqlx::PgConnection;

impl Batch {
    async fn practitioner(&mut self, connection: &mut Connection, one: ForeignPractitioner) -> Result<(), sqlx::Error> {
        if self.known.contains_key(&one.source) {
            self.done.known += 1;
            return Ok(());
        }
        let mut refusals = Refusals::default();
        let staff = Staff {
            id: Uuid::now_v7(),
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
        let staff = match refusals.or(staff) {
            Ok(staff) => staff,
            Err(refused) => return self.skip(one.source, &refused),
        };
        let same = match &staff.licence_number {
            Some(licence) => Store::staff_with_licence(connection, licence).await?,
            None => None,
        };
        if let Some(id) = same {
            self.note(one.source, id);
            self.done.known += 1;
            return Ok(());
        }
        Store::insert_staff(connection, &staff).await?;
        let changed_fields = ["name", "licenceNumber"].map(str::to_owned).to_vec();
        let version =
            RecordVersion { version: 1, changed_at: self.now, changed_by: None, changed_fields, reason: None };
        Store::insert_version(connection, staff.id, &version).await?;
        self.note(one.source, staff.id);
        self.done.practitioners += 1;
        Ok(())
    }

    async fn patient(
        &mut self,
        connection: &mut Connection,
        one: ForeignPatient,
        serials: &mut Vec<i64>,
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
        if let Some(id) = Store::patient_with_any(connection, &identifiers).await? {
            self.note(one.source, id);
            self.done.known += 1;
            return Ok(());
        }
        let general_practitioner_id =
            one.general_practitioner.as_ref().and_then(|source| self.known.get(source)).copied();
        let mut patient = Patient {
            id: Uuid::now_v7(),
            mrn: next_mrn(connection, serials).await?,
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
        while !Store::insert_patient(connection, &patient).await? {
            patient.mrn = next_mrn(connection, serials).await?;
        }
        Store::insert_version(connection, patient.id, &first_version(&patient, None)).await?;
        self.note(one.source, patient.id);
        self.done.patients += 1;
        Ok(())
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

/// The next record number; serial numbers are taken a hundred at a time.
async fn next_mrn(connection: &mut Connection, serials: &mut Vec<i64>) -> Result<Mrn, sqlx::Error> {
    if serials.is_empty() {
        *serials = Store::mrn_serials(connection, 100).await?;
        serials.reverse();
    }
    let serial = serials.pop().and_then(|serial| u32::try_from(serial).ok()).unwrap_or_default();
    Mrn::from_serial(serial).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
