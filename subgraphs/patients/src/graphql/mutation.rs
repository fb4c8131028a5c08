use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::Utc;
use healthbridge_graphql::{ApiError, Coding, CodingInput, Date, UserError, caller};
use uuid::Uuid;

use super::patient::{AddressInput, AdministrativeGender, ContactPointInput, HumanNameInput, IdentifierInput, Patient};
use crate::{Service, service::CreatePatient};

/// The mutations of patients.
#[derive(Default)]
pub(crate) struct PatientMutation;

/// A patient to be registered.
#[derive(InputObject)]
pub(crate) struct CreatePatientInput {
    /// Medical record number; made where it is left out.
    mrn: Option<String>,
    /// Further identifiers.
    identifiers: Option<Vec<IdentifierInput>>,
    /// The name.
    name: HumanNameInput,
    /// Gender for administration.
    gender: AdministrativeGender,
    /// Birth date.
    birth_date: Option<Date>,
    /// Ways to reach the patient.
    telecom: Option<Vec<ContactPointInput>>,
    /// Postal addresses.
    addresses: Option<Vec<AddressInput>>,
    /// The general practitioner.
    general_practitioner_id: Option<ID>,
    /// Known conditions.
    conditions: Option<Vec<CodingInput>>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

/// A patient, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct PatientPayload {
    /// The patient.
    patient: Option<Patient>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

fn all<T, U: From<T>>(list: Option<Vec<T>>) -> Vec<U> {
    list.into_iter().flatten().map(U::from).collect()
}

/// The mutations of patients.
#[Object]
impl PatientMutation {
    /// Registers a patient.
    #[graphql(requires_scopes = "user/Patient.c")]
    async fn create_patient(
        &self,
        ctx: &Context<'_>,
        input: CreatePatientInput,
    ) -> Result<Option<PatientPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = CreatePatient {
            mrn: input.mrn,
            identifiers: all(input.identifiers),
            name: input.name.into(),
            gender: input.gender.into(),
            birth_date: input.birth_date.map(|date| date.0),
            telecom: all(input.telecom),
            addresses: all(input.addresses),
            general_practitioner_id: input.general_practitioner_id.map(|id| id.0),
            conditions: all::<_, Coding>(input.conditions),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.create_patient(caller(ctx), input, key, Utc::now()).await? {
            Ok(patient) => PatientPayload { patient: Some(Patient(Arc::new(patient))), user_errors: Vec::new() },
            Err(user_errors) => PatientPayload { patient: None, user_errors },
        }))
    }
}
