use chrono::{DateTime, Datelike, NaiveDate, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{Address, AdministrativeGender, Condition, ContactPoint, HumanName, Identifier, Mrn, Patient},
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
}

impl Service {
    /// Registers a patient.
    pub(crate) async fn create_patient(
        &self,
        caller: &Caller,
        input: CreatePatient,
        idempotency_key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Patient>, ApiError> {
        let account = caller.require(Resource::Patient, Right::Create)?;
        let patient = match self.check(&input, now).await? {
            Ok(patient) => patient,
            Err(refused) => return Ok(Err(refused)),
        };
        let key =
            idempotency_key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "createPatient" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, patient.id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::Done(id) => {
                let first = self.store.patients_by_id(&[id], None).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        if !Store::insert_patient(&mut transaction, &patient).await.map_err(ApiError::internal)? {
            let message = "A patient with this medical record number exists";
            return Ok(Err(vec![UserError::at("mrn", UserErrorCode::AlreadyExists, message)]));
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(patient))
    }

    async fn check(&self, input: &CreatePatient, now: DateTime<Utc>) -> Result<Outcome<Patient>, ApiError> {
        let mut refusals = Refusals::default();
        let name = check_name(&mut refusals, &input.name);
        check_birth_date(&mut refusals, input.birth_date, now.date_naive());
        for contact in &input.telecom {
            refusals.line("telecom", &contact.value);
        }
        for address in &input.addresses {
            let parts = [&address.city, &address.district, &address.state, &address.postal_code, &address.country];
            for text in address.line.iter().chain(parts.into_iter().flatten()) {
                refusals.line("addresses", text);
            }
        }
        for identifier in &input.identifiers {
            refusals.line("identifiers", &identifier.system);
            refusals.line("identifiers", &identifier.value);
        }
        for condition in &input.conditions {
            refusals.line("conditions", &condition.system);
            refusals.line("conditions", &condition.code);
        }
        let practitioner = input.general_practitioner_id.as_deref().map(Uuid::try_parse);
        let general_practitioner_id = match practitioner {
            Some(Ok(id)) if !self.store.staff_by_id(&[id]).await.map_err(ApiError::internal)?.is_empty() => Some(id),
            None => None,
            Some(_) => {
                refusals.add("generalPractitionerId", UserErrorCode::NotFound, "There is no such member of the staff");
                None
            }
        };
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
            telecom: input.telecom.clone(),
            addresses: input.addresses.clone(),
            identifiers: input.identifiers.clone(),
            conditions: input.conditions.clone(),
            general_practitioner_id,
            created_at: now,
            updated_at: now,
            version: 1,
        }))
    }

    async fn next_mrn(&self) -> Result<Mrn, ApiError> {
        let serial = self.store.next_mrn_serial().await.map_err(ApiError::internal)?;
        let serial = u32::try_from(serial).map_err(ApiError::internal)?;
        Mrn::from_serial(serial).map_err(ApiError::internal)
    }
}

pub(super) fn check_name(refusals: &mut Refusals, name: &HumanName) -> HumanName {
    let mut lines = |field: &str, values: &[String]| values.iter().map(|value| refusals.line(field, value)).collect();
    let (given, prefix, suffix) =
        (lines("name.given", &name.given), lines("name.prefix", &name.prefix), lines("name.suffix", &name.suffix));
    HumanName { name_use: name.name_use, family: refusals.line("name.family", &name.family), given, prefix, suffix }
}

fn check_birth_date(refusals: &mut Refusals, date: Option<NaiveDate>, today: NaiveDate) {
    if date.is_some_and(|date| date > today || date.year() < 1850) {
        refusals.add("birthDate", UserErrorCode::OutOfRange, "A birth date is between 1850 and today");
    }
}
