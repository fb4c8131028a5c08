use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use healthbridge_graphql::{ApiError, Coding, Connection, Time};

use super::{
    loaders::Loaders,
    person::HumanName,
    user::User,
    version::{self, MedicalStaffVersion},
};
use crate::domain;

/// What a member of the medical staff does.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::StaffProfession")]
pub(crate) enum StaffProfession {
    /// A physician.
    Physician,
    /// A physician who reads images.
    Radiologist,
    /// Acquires images.
    RadiologicTechnologist,
    /// A nurse.
    Nurse,
    /// A pharmacist.
    Pharmacist,
    /// Handles bills.
    BillingClerk,
    /// Administrates.
    Administrator,
    /// Something else.
    Other,
}

/// A member of the medical staff (FHIR Practitioner).
pub(crate) struct MedicalStaff(pub(crate) Arc<domain::Staff>);

/// A member of the medical staff (FHIR Practitioner).
#[Object]
impl MedicalStaff {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name.
    async fn name(&self) -> HumanName {
        HumanName::from(&self.0.name)
    }

    /// What the person does.
    async fn profession(&self) -> StaffProfession {
        self.0.profession.into()
    }

    /// The specialty.
    async fn specialty(&self) -> Option<&Coding> {
        self.0.specialty.as_ref()
    }

    /// National licence number.
    async fn licence_number(&self) -> Option<&str> {
        self.0.licence_number.as_deref()
    }

    /// Department.
    async fn department(&self) -> Option<&str> {
        self.0.department.as_deref()
    }

    /// Whether the person works here.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// When the record was made.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the record was changed last.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The account that the person signs in with.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>, ApiError> {
        Ok(Loaders::account_of(ctx, self.0.id).await?.map(User))
    }

    /// The changes of the record, the newest first.
    #[graphql(requires_scopes = "policy:records.audit")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<Option<Connection<MedicalStaffVersion>>, ApiError> {
        version::history(ctx, self.0.id, first, after, MedicalStaffVersion).await.map(Some)
    }
}
