use std::sync::{Arc, OnceLock};

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use healthbridge_graphql::{Code, CodingInput, Date, Time, UserError, caller, now, parse_id, service, settled};
use healthbridge_outcome::{Fault, Outcome};
use healthbridge_terms::AdministrativeGender;
use uuid::Uuid;

use super::{Patient, matching::PatientMatch};
use crate::{
    domain,
    graphql::{
        each,
        person::{AddressInput, ContactPointInput, HumanNameInput, IdentifierInput},
    },
    service::{CreatePatient, Patients, UpdatePatient},
};

/// A patient to be registered.
#[derive(InputObject)]
pub(crate) struct CreatePatientInput {
    /// Medical record number; made where it is left out.
    mrn: Option<String>,
    /// Identifiers beside the medical record number, such as an insurance number.
    identifiers: Option<Vec<IdentifierInput>>,
    /// The name.
    name: HumanNameInput,
    /// The gender for administrative purposes (FHIR Patient.gender).
    gender: Code<AdministrativeGender>,
    /// Birth date.
    birth_date: Option<Date>,
    /// Contact details (FHIR ContactPoint): telephone numbers, email addresses and so on.
    telecom: Option<Vec<ContactPointInput>>,
    /// Postal addresses.
    addresses: Option<Vec<AddressInput>>,
    /// The general practitioner.
    general_practitioner_id: Option<ID>,
    /// Known conditions.
    conditions: Option<Vec<CodingInput>>,
    /// Registers the patient although somebody probably the same is registered already.
    #[graphql(default)]
    allow_duplicate: bool,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<CreatePatientInput> for CreatePatient {
    fn from(input: CreatePatientInput) -> Self {
        Self {
            mrn: input.mrn,
            identifiers: each(input.identifiers.unwrap_or_default()),
            name: input.name.into(),
            gender: input.gender.0,
            birth_date: input.birth_date.map(|date| date.0),
            telecom: each(input.telecom.unwrap_or_default()),
            addresses: each(input.addresses.unwrap_or_default()),
            general_practitioner_id: input.general_practitioner_id.map(|id| id.0),
            conditions: each(input.conditions.unwrap_or_default()),
            allow_duplicate: input.allow_duplicate,
            possible_duplicates: OnceLock::new(),
        }
    }
}

/// What changes about a patient. A field that is left out stays as it is; null empties it, where it may be empty.
#[derive(InputObject)]
pub(crate) struct UpdatePatientInput {
    /// The patient.
    patient_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The name.
    name: Option<HumanNameInput>,
    /// The gender for administrative purposes (FHIR Patient.gender).
    gender: Option<Code<AdministrativeGender>>,
    /// Birth date.
    birth_date: MaybeUndefined<Date>,
    /// Contact details; they replace all that there are.
    telecom: Option<Vec<ContactPointInput>>,
    /// Postal addresses; they replace all that there are.
    addresses: Option<Vec<AddressInput>>,
    /// Identifiers beside the medical record number; they replace all that there are.
    identifiers: Option<Vec<IdentifierInput>>,
    /// Known conditions; they replace all that there are.
    conditions: Option<Vec<CodingInput>>,
    /// The general practitioner, a member of the staff.
    general_practitioner_id: MaybeUndefined<ID>,
    /// When the patient died.
    deceased_at: MaybeUndefined<Time>,
    /// Whether the record is in active use.
    active: Option<bool>,
}

impl From<UpdatePatientInput> for UpdatePatient {
    fn from(input: UpdatePatientInput) -> Self {
        Self {
            patient_id: parse_id(&input.patient_id).unwrap_or_default(),
            expected_version: input.expected_version,
            name: input.name.map(Into::into),
            gender: input.gender.map(|Code(gender)| gender),
            birth_date: input.birth_date.map_value(|date| date.0).into(),
            deceased_at: input.deceased_at.map_value(Into::into).into(),
            telecom: input.telecom.map(each),
            addresses: input.addresses.map(each),
            identifiers: input.identifiers.map(each),
            conditions: input.conditions.map(each),
            general_practitioner_id: input.general_practitioner_id.map_value(|id| id.0).into(),
            active: input.active,
        }
    }
}

/// A patient, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct PatientPayload {
    /// The patient.
    patient: Option<Patient>,
    /// Records that may be the same person's, the most alike first, at most 10.
    possible_duplicates: Vec<PatientMatch>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

fn payload(
    outcome: Outcome<domain::Patient>,
    possible_duplicates: Vec<domain::PatientMatch>,
) -> Result<Option<PatientPayload>, Fault> {
    let (patient, user_errors) = settled(outcome)?;
    let patient = patient.map(|patient| Patient(Arc::new(patient)));
    Ok(Some(PatientPayload { patient, possible_duplicates: each(possible_duplicates), user_errors }))
}

/// What is done with patients' records.
#[derive(Default)]
pub(crate) struct PatientMutation;

#[Object]
impl PatientMutation {
    /// Registers a patient.
    #[graphql(requires_scopes = "user/Patient.c", requires_scopes = "system/Patient.c")]
    async fn create_patient(
        &self,
        ctx: &Context<'_>,
        input: CreatePatientInput,
    ) -> Result<Option<PatientPayload>, Fault> {
        let key = input.idempotency_key;
        let (outcome, duplicates) = service::<Patients>(ctx).create(caller(ctx), input.into(), key, now()).await;
        payload(outcome, duplicates)
    }

    /// Changes a patient's record.
    #[graphql(requires_scopes = "user/Patient.u", requires_scopes = "system/Patient.u")]
    async fn update_patient(
        &self,
        ctx: &Context<'_>,
        input: UpdatePatientInput,
    ) -> Result<Option<PatientPayload>, Fault> {
        payload(service::<Patients>(ctx).update(caller(ctx), input.into(), now()).await, Vec::new())
    }
}
