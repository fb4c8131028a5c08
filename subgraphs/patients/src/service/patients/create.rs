use std::sync::OnceLock;

use chrono::NaiveDate;
use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_rights::{Resource, Right};
use healthbridge_terms::{Address, AdministrativeGender, Coding, ContactPoint, HumanName, Identifier};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::general_practitioner;
use crate::{
    domain::{
        MatchGrade, Mrn, Patient, PatientMatch,
        matching::{self, Person},
        patient_input,
    },
    service::record_versions::note,
    store::patients,
};

/// A patient to be registered, as it was sent.
#[derive(Debug, Serialize)]
pub(crate) struct CreatePatient {
    pub mrn: Option<String>,
    pub identifiers: Vec<Identifier>,
    pub name: HumanName,
    pub gender: AdministrativeGender,
    pub birth_date: Option<NaiveDate>,
    pub telecom: Vec<ContactPoint>,
    pub addresses: Vec<Address>,
    pub general_practitioner_id: Option<String>,
    pub conditions: Vec<Coding>,
    pub allow_duplicate: bool,
    /// Who might be the same person, the most alike first: told beside the patient, and beside the refusal, too.
    #[serde(skip)]
    pub possible_duplicates: OnceLock<Vec<PatientMatch>>,
}

impl Change for CreatePatient {
    const NAME: &'static str = "createPatient";
    type Made = Patient;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Patient> {
        let patient = self.check(making).await?;
        let person = Person::of(&patient);
        patients::lock_person(making.connection(), &person).await?;
        let mut duplicates =
            matching::matches(&person, patients::match_candidates(making.connection(), &person).await?);
        let is_probable = duplicates.first().is_some_and(|found| found.similarity.grade >= MatchGrade::Probable);
        duplicates.truncate(10);
        if making.caller.require(Resource::Patient, Right::Search).is_err() {
            // Who may register but not look learns only that there is somebody.
            duplicates.clear();
        }
        if is_probable && !self.allow_duplicate {
            self.possible_duplicates.get_or_init(|| duplicates);
            let message =
                "The patient is probably registered already: see `possibleDuplicates`, or allow the duplicate";
            return Err(Stop::refuse("allowDuplicate", UserErrorCode::DuplicateSuspected, message));
        }
        if !patients::insert(making.connection(), &patient).await? {
            let message = "A patient with this medical record number exists";
            return Err(Stop::refuse("mrn", UserErrorCode::AlreadyExists, message));
        }
        note(making, patient.id, patient.version, patient.filled_fields(), None).await?;
        self.possible_duplicates.get_or_init(|| duplicates);
        Ok(patient)
    }
}

impl Once for CreatePatient {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Patient>, Fault> {
        Ok(patients::by_id(connection, &[id], None).await?.pop())
    }
}

impl CreatePatient {
    async fn check(&self, making: &mut Making<'_>) -> Outcome<Patient> {
        let (id, now) = (making.id, making.now);
        let mut refusals = Refusals::default();
        let name = patient_input::name(&mut refusals, &self.name);
        patient_input::birth_date(&mut refusals, self.birth_date, now.date_naive());
        let telecom = patient_input::telecom(&mut refusals, &self.telecom);
        let addresses = patient_input::addresses(&mut refusals, &self.addresses);
        let identifiers = patient_input::identifiers(&mut refusals, &self.identifiers);
        let conditions = patient_input::conditions(&mut refusals, &self.conditions);
        let practitioner = self.general_practitioner_id.as_deref();
        let general_practitioner_id = general_practitioner(making.connection(), &mut refusals, practitioner).await?;
        let mrn = self.mrn.as_deref().map(str::parse::<Mrn>).transpose().unwrap_or_else(|error| {
            refusals.add("mrn", UserErrorCode::InvalidFormat, error.to_string());
            None
        });
        refusals.or(())?;
        let mrn = match mrn {
            Some(mrn) => mrn,
            None => patients::next_mrn(making.connection()).await?,
        };
        Ok(Patient {
            id,
            mrn,
            active: true,
            name,
            gender: self.gender,
            birth_date: self.birth_date,
            deceased_at: None,
            telecom,
            addresses,
            identifiers,
            conditions,
            general_practitioner_id,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }
}
