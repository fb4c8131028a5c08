use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Coding, CodingInput, Date, Outcome, Time, UserError, caller, now, parse_id};
use uuid::Uuid;

use super::{
    matching::PatientMatch,
    patient::{AdministrativeGender, Patient},
    person::{AddressInput, ContactPointInput, HumanNameInput, IdentifierInput},
    staff::{MedicalStaff, StaffProfession},
};
use crate::{
    Service, domain,
    service::{CreatePatient, CreateStaff, Registered, UpdatePatient, UpdateStaff},
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
    /// Registers the patient although somebody probably the same is registered already.
    #[graphql(default)]
    allow_duplicate: bool,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
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

impl From<Registered> for PatientPayload {
    fn from(registered: Registered) -> Self {
        let possible_duplicates = registered.possible_duplicates.into_iter().map(Into::into).collect();
        match registered.outcome {
            Ok(patient) => {
                Self { patient: Some(Patient(Arc::new(patient))), possible_duplicates, user_errors: Vec::new() }
            }
            Err(user_errors) => Self { patient: None, possible_duplicates, user_errors },
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
    /// Gender for administration.
    gender: Option<AdministrativeGender>,
    /// Birth date.
    birth_date: MaybeUndefined<Date>,
    /// Ways to reach the patient, all of them.
    telecom: Option<Vec<ContactPointInput>>,
    /// Postal addresses, all of them.
    addresses: Option<Vec<AddressInput>>,
    /// Further identifiers, all of them.
    identifiers: Option<Vec<IdentifierInput>>,
    /// Known conditions, all of them.
    conditions: Option<Vec<CodingInput>>,
    /// The general practitioner, a member of the staff.
    general_practitioner_id: MaybeUndefined<ID>,
    /// When the patient died.
    deceased_at: MaybeUndefined<Time>,
    /// Whether the record is in use.
    active: Option<bool>,
}

/// What changes about a member of the medical staff. A field that is left out stays as it is; null empties it, where it
/// may be empty.
#[derive(InputObject)]
pub(crate) struct UpdateStaffInput {
    /// The member.
    staff_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The name.
    name: Option<HumanNameInput>,
    /// What the person does.
    profession: Option<StaffProfession>,
    /// National licence number.
    licence_number: MaybeUndefined<String>,
    /// Department.
    department: MaybeUndefined<String>,
    /// Whether the person works here.
    active: Option<bool>,
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

impl From<Outcome<domain::Staff>> for StaffPayload {
    fn from(outcome: Outcome<domain::Staff>) -> Self {
        match outcome {
            Ok(staff) => Self { staff_member: Some(MedicalStaff(Arc::new(staff))), user_errors: Vec::new() },
            Err(user_errors) => Self { staff_member: None, user_errors },
        }
    }
}

fn all<T, U: From<T>>(list: Option<Vec<T>>) -> Vec<U> {
    list.into_iter().flatten().map(U::from).collect()
}

/// What a nullable input field changes: nothing, or to a value, or to none.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
fn change<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// The mutations of patients and staff.
#[Object]
impl PatientMutation {
    /// Registers a patient.
    #[graphql(requires_scopes = "user/Patient.c", requires_scopes = "system/Patient.c")]
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
            allow_duplicate: input.allow_duplicate,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.create_patient(caller(ctx), input, key, now()).await?.into()))
    }

    /// Changes a patient's record.
    #[graphql(requires_scopes = "user/Patient.u", requires_scopes = "system/Patient.u")]
    async fn update_patient(
        &self,
        ctx: &Context<'_>,
        input: UpdatePatientInput,
    ) -> Result<Option<PatientPayload>, ApiError> {
        let input = UpdatePatient {
            patient_id: parse_id(&input.patient_id),
            expected_version: input.expected_version,
            name: input.name.map(Into::into),
            gender: input.gender.map(Into::into),
            birth_date: change(input.birth_date.map_value(|date| date.0)),
            deceased_at: change(input.deceased_at.map_value(Into::into)),
            telecom: input.telecom.map(|list| all(Some(list))),
            addresses: input.addresses.map(|list| all(Some(list))),
            identifiers: input.identifiers.map(|list| all(Some(list))),
            conditions: input.conditions.map(|list| all::<_, Coding>(Some(list))),
            general_practitioner_id: change(input.general_practitioner_id.map_value(|id| id.0)),
            active: input.active,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        let outcome = service.update_patient(caller(ctx), input, now()).await?;
        Ok(Some(Registered::from(outcome).into()))
    }

    /// Adds a member of the medical staff, and links the account that is named.
    #[graphql(requires_scopes = "user/Practitioner.c", requires_scopes = "system/Practitioner.c")]
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
        Ok(Some(service.create_staff(caller(ctx), input, key, now()).await?.into()))
    }

    /// Changes the record of a member of the medical staff.
    #[graphql(requires_scopes = "user/Practitioner.u", requires_scopes = "system/Practitioner.u")]
    async fn update_staff_member(
        &self,
        ctx: &Context<'_>,
        input: UpdateStaffInput,
    ) -> Result<Option<StaffPayload>, ApiError> {
        let input = UpdateStaff {
            staff_id: parse_id(&input.staff_id),
            expected_version: input.expected_version,
            name: input.name.map(Into::into),
            profession: input.profession.map(Into::into),
            licence_number: change(input.licence_number),
            department: change(input.department),
            active: input.active,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.update_staff(caller(ctx), input, now()).await?.into()))
    }
}
