use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use healthbridge_graphql::{ApiError, Coding, Connection, Date, Time, now};
use serde::Serialize;

use super::{
    loaders::Loaders,
    person::{Address, ContactPoint, HumanName, Identifier},
    staff::MedicalStaff,
    user::User,
    version::{self, PatientVersion},
};
use crate::domain;

/// Gender for administration (FHIR administrative-gender).
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::AdministrativeGender")]
pub(crate) enum AdministrativeGender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither of both.
    Other,
    /// Not known.
    Unknown,
}

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
pub(crate) struct Patient(pub(crate) Arc<domain::Patient>);

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[Object]
impl Patient {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Medical record number (HL7 v2-0203 `MR`): nine digits, the last one a Luhn check digit.
    async fn mrn(&self) -> &str {
        self.0.mrn.as_str()
    }

    /// Further identifiers.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn identifiers(&self) -> Option<Vec<Identifier>> {
        Some(self.0.identifiers.iter().cloned().map(Identifier::from).collect())
    }

    /// Whether the record is in use.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The name.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn name(&self) -> Option<HumanName> {
        Some(HumanName::from(&self.0.name))
    }

    /// Gender for administration.
    async fn gender(&self) -> AdministrativeGender {
        self.0.gender.into()
    }

    /// Birth date.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn birth_date(&self) -> Option<Date> {
        self.0.birth_date.map(Date)
    }

    /// Completed years of age today, or at death.
    async fn age_years(&self) -> Option<i32> {
        self.0.age_years(now().date_naive())
    }

    /// When the patient died.
    async fn deceased_at(&self) -> Option<Time> {
        self.0.deceased_at.map(Time::from)
    }

    /// Ways to reach the patient.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn telecom(&self) -> Option<Vec<ContactPoint>> {
        Some(self.0.telecom.iter().cloned().map(ContactPoint::from).collect())
    }

    /// Postal addresses.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn addresses(&self) -> Option<Vec<Address>> {
        Some(self.0.addresses.iter().cloned().map(Address::from).collect())
    }

    /// The general practitioner.
    async fn general_practitioner(&self, ctx: &Context<'_>) -> Result<Option<MedicalStaff>, ApiError> {
        match self.0.general_practitioner_id {
            Some(id) => Ok(Loaders::staff(ctx, id).await?.map(MedicalStaff)),
            None => Ok(None),
        }
    }

    /// Known conditions.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn conditions(&self) -> Option<Vec<Coding>> {
        Some(self.0.conditions.clone())
    }

    /// When the record was made.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When the record was changed last.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The account that the patient signs in with.
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
    ) -> Result<Option<Connection<PatientVersion>>, ApiError> {
        version::history(ctx, self.0.id, first, after, PatientVersion).await.map(Some)
    }
}
