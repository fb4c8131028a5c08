use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::Utc;
use healthbridge_graphql::{ApiError, Coding, CodingInput, Date, UserError, caller};
use uuid::Uuid;

use super::{
    patient::{AddressInput, AdministrativeGender, ContactPointInput, HumanNameInput, IdentifierInput, Patient},
    staff::{MedicalStaff, StaffProfession},
};
use crate::{
    Service, domain,
    service::{CreatePatient, CreateStaff},
};

/// The mutations of patients and staff.
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

/// A member of the medical staff to be added.
#[derive(InputObject)]
pub(crate) struct CreateStaffInput {
    /// The name.
    name: HumanNameInput,
    /// What the person does.
    profession: StaffProfession,
    /// National licence number.
    licence_number: Option<String>,
    /// Department.
    department: Option<String>,
    /// The account of the person, of the kind STAFF.
    user_id: Option<ID>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

/// A member of the medical staff, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct StaffPayload {
    /// The member.
    staff_member: Option<MedicalStaff>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

fn all<T, U: From<T>>(list: Option<Vec<T>>) -> Vec<U> {
    list.into_iter().flatten().map(U::from).collect()
}

/// The mutations of patients and staff.
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

    /// Adds a member of the medical staff, and links the account that is named.
    #[graphql(requires_scopes = "user/Practitioner.c")]
    async fn create_staff_member(
        &self,
        ctx: &Context<'_>,
        input: CreateStaffInput,
    ) -> Result<Option<StaffPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = CreateStaff {
            name: input.name.into(),
            profession: domain::StaffProfession::from(input.profession).into(),
            licence_number: input.licence_number,
            department: input.department,
            user_id: input.user_id.map(|id| id.0),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.create_staff(caller(ctx), input, key, Utc::now()).await? {
            Ok(staff) => StaffPayload { staff_member: Some(MedicalStaff(Arc::new(staff))), user_errors: Vec::new() },
            Err(user_errors) => StaffPayload { staff_member: None, user_errors },
        }))
    }
}
