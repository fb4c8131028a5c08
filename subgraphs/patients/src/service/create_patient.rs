use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::{Service, patient_input};
use crate::{
    NAME,
    domain::{
        Address, AdministrativeGender, Condition, ContactPoint, HumanName, Identifier, MatchGrade, Mrn, Patient,
        PatientMatch, RecordVersion,
        matching::{self, Person},
    },
    store::Store,
};

/// A patient to be registered, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreatePatient {
    pub mrn: Option<String>,
    pub identifiers: Vec<Identifier>,
    pub name: HumanName,
    pub gender: AdministrativeGender,
    pub birth_date: Option<NaiveDate>,
    pub telecom: Vec<ContactPoint>,
    pub addresses: Vec<Address>,
    pub general_practitioner_id: Option<String>,
    pub conditions: Vec<Condition>,
    pub allow_duplicate: bool,
}

/// What registering a patient came to, and who might be the same person.
pub(crate) struct Registered {
    pub outcome: Outcome<Patient>,
    pub possible_duplicates: Vec<PatientMatch>,
}

impl From<Outcome<Patient>> for Registered {
    fn from(outcome: Outcome<Patient>) -> Self {
        Self { outcome, possible_duplicates: Vec::new() }
    }
}

impl Service {
    /// Registers a patient. Somebody who is probably registered already is so once more only if that is allowed.
    pub(crate) async fn create_patient(
        &self,
        caller: &Caller,
        input: CreatePatient,
        idempotency_key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Registered, ApiError> {
        let account = caller.require(Resource::Patient, Right::Create)?;
        let now = now.trunc_subsecs(6);
        let checked = self.check(&input, now).await?;
        let id = checked.as_ref().map_or_else(|_| Uuid::now_v7(), |patient| patient.id);
        let key =
            idempotency_key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "createPatient" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()]).into()),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()]).into()),
            Begin::Done(id) => {
                let first = self.store.patients_by_id(&[id], None).await.map_err(ApiError::internal)?;
                let first = first.into_iter().next().ok_or(ApiError::Unauthorized)?;
                return Ok(Ok(first).into());
            }
        };
        // Not before the key was looked at: what was registered with it stays registered, whatever has changed since.
        let patient = match checked {
            Ok(patient) => patient,
            Err(refused) => return Ok(Err(refused).into()),
        };
        let person = Person::of(&patient);
        Store::lock_person(&mut transaction, &person).await.map_err(ApiError::internal)?;
        let candidates = Store::match_candidates(&mut transaction, &person).await.map_err(ApiError::internal)?;
        let mut duplicates = matching::matches(&person, candidates);
        let is_probable = duplicates.first().is_some_and(|found| found.similarity.grade >= MatchGrade::Probable);
        duplicates.truncate(10);
        if caller.require(Resource::Patient, Right::Search).is_err() {
            // Who may register but not look learns only that there is somebody.
            duplicates.clear();
        }
        if is_probable && !input.allow_duplicate {
            let message =
                "The patient is probably registered already: see `possibleDuplicates`, or allow the duplicate";
            let refused = vec![UserError::at("allowDuplicate", UserErrorCode::DuplicateSuspected, message)];
            return Ok(Registered { outcome: Err(refused), possible_duplicates: duplicates });
        }
        if !Store::insert_patient(&mut transaction, &patient).await.map_err(ApiError::internal)? {
            let message = "A patient with this medical record number exists";
            return Ok(Err(vec![UserError::at("mrn", UserErrorCode::AlreadyExists, message)]).into());
        }
        let version = first_version(&patient, Some(account.user_id));
        Store::insert_version(&mut transaction, patient.id, &version).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Registered { outcome: Ok(patient), possible_duplicates: duplicates })
    }

    async fn check(&self, input: &CreatePatient, now: DateTime<Utc>) -> Result<Outcome<Patient>, ApiError> {
        let mut refusals = Refusals::default();
        let name = patient_input::name(&mut refusals, &input.name);
        patient_input::birth_date(&mut refusals, input.birth_date, now.date_naive());
        let telecom = patient_input::telecom(&mut refusals, &input.telecom);
        let addresses = patient_input::addresses(&mut refusals, &input.addresses);
        let identifiers = patient_input::identifiers(&mut refusals, &input.identifiers);
        let conditions = patient_input::conditions(&mut refusals, &input.conditions);
        let general_practitioner_id =
            self.general_practitioner(&mut refusals, input.general_practitioner_id.as_deref()).await?;
        let mrn = match input.mrn.as_deref().map(Mrn::parse) {
            Some(Ok(mrn)) => Some(mrn),
            Some(Err(error)) => {
                refusals.add("mrn", UserErrorCode::InvalidFormat, error.to_string());
                None
            }
            None => None,
        };
        // A serial number is taken only for input that is otherwise right.
        let mrn = match mrn {
            Some(mrn) => mrn,
            None if refusals.is_empty() => self.next_mrn().await?,
            None => return Ok(refusals.or(()).map(|()| unreachable!("there are refusals"))),
        };
        Ok(refusals.or(Patient {
            id: Uuid::now_v7(),
            mrn,
            active: true,
            name,
            gender: input.gender,
            birth_date: input.birth_date,
            deceased_at: None,
            telecom,
            addresses,
            identifiers,
            conditions,
            general_practitioner_id,
            created_at: now,
            updated_at: now,
            version: 1,
        }))
    }

    /// Reads the id of a general practitioner, who must be one of the staff.
    pub(super) async fn general_practitioner(
        &self,
        refusals: &mut Refusals,
        id: Option<&str>,
    ) -> Result<Option<Uuid>, ApiError> {
        match id.map(Uuid::try_parse) {
            None => Ok(None),
            Some(Ok(id)) if !self.store.staff_by_id(&[id]).await.map_err(ApiError::internal)?.is_empty() => {
                Ok(Some(id))
            }
            Some(_) => {
                refusals.add("generalPractitionerId", UserErrorCode::NotFound, "There is no such member of the staff");
                Ok(None)
            }
        }
    }

    /// Who might be the same person, the most alike first.
    pub(crate) async fn patient_matches(
        &self,
        caller: &Caller,
        person: &Person<'_>,
        most: usize,
    ) -> Result<Vec<PatientMatch>, ApiError> {
        caller.require(Resource::Patient, Right::Search)?;
        let mut connection = self.store.pool().acquire().await.map_err(ApiError::internal)?;
        let candidates = Store::match_candidates(&mut connection, person).await.map_err(ApiError::internal)?;
        let mut found = matching::matches(person, candidates);
        found.truncate(most);
        Ok(found)
    }

    async fn next_mrn(&self) -> Result<Mrn, ApiError> {
        let serial = self.store.next_mrn_serial().await.map_err(ApiError::internal)?;
        let serial = u32::try_from(serial).map_err(ApiError::internal)?;
        Mrn::from_serial(serial).map_err(ApiError::internal)
    }
}

/// The making of a patient's record: every field that has a value changed.
pub(super) fn first_version(patient: &Patient, changed_by: Option<Uuid>) -> RecordVersion {
    let fields = [
        ("name", true),
        ("gender", true),
        ("birthDate", patient.birth_date.is_some()),
        ("telecom", !patient.telecom.is_empty()),
        ("addresses", !patient.addresses.is_empty()),
        ("identifiers", !patient.identifiers.is_empty()),
        ("conditions", !patient.conditions.is_empty()),
        ("generalPractitioner", patient.general_practitioner_id.is_some()),
    ];
    let changed_fields = fields.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| field.to_owned());
    RecordVersion {
        version: 1,
        changed_at: patient.created_at,
        changed_by,
        changed_fields: changed_fields.collect(),
        reason: None,
    }
}
