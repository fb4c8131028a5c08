use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Union};
use healthbridge_auth::Role;
use healthbridge_graphql::{ApiError, Connection, Time};

use super::{
    loaders::Loaders,
    patient::Patient,
    staff::MedicalStaff,
    version::{self, UserVersion},
};
use crate::domain;

/// Whose account it is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserKind")]
pub(crate) enum UserKind {
    /// A patient's.
    Patient,
    /// A member of the staff's.
    Staff,
    /// A machine's.
    Service,
}

/// A role of an account: the table of rights says what each may do.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub(crate) enum SystemRole {
    /// Runs the installation and its accounts.
    Admin,
    /// A physician who treats patients.
    Doctor,
    /// A physician who reads images and signs reports.
    Radiologist,
    /// Acquires images.
    Technologist,
    /// Cares for patients.
    Nurse,
    /// Registers patients, books appointments and handles bills.
    Clerk,
    /// Reads everything and changes nothing.
    Auditor,
    /// A patient, who sees the own record only.
    Patient,
    /// A machine account, with exactly the scopes that it was created with.
    Service,
}

/// Whom an account belongs to.
#[derive(Union)]
pub(crate) enum UserProfile {
    /// A patient.
    Patient(Patient),
    /// A member of the medical staff.
    MedicalStaff(MedicalStaff),
}

/// An account.
pub(crate) struct User(pub(crate) Arc<domain::Account>);

/// An account.
#[Object]
impl User {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whose account it is.
    async fn kind(&self) -> UserKind {
        self.0.kind.into()
    }

    /// Email address, in lower case.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Whether the account may sign in.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Roles.
    async fn roles(&self) -> Vec<SystemRole> {
        self.0.roles.iter().map(|role| SystemRole::from(*role)).collect()
    }

    /// Whether it is asked for a one-time password at sign-in, too.
    async fn totp_enabled(&self) -> bool {
        self.0.totp_enabled
    }

    /// Last sign-in.
    async fn last_login_at(&self) -> Option<Time> {
        self.0.last_login_at.map(Time::from)
    }

    /// When the account was made.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When the account was changed last.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The changes of the account that somebody else made, the newest first.
    #[graphql(requires_scopes = "policy:records.audit")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<Option<Connection<UserVersion>>, ApiError> {
        version::history(ctx, self.0.id, first, after, UserVersion).await.map(Some)
    }

    /// The person whose account it is; null where it is linked to nobody, or the caller may not see that record.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<UserProfile>, ApiError> {
        match (self.0.patient_id, self.0.staff_id) {
            (Some(id), _) => Ok(Loaders::patient(ctx, id).await?.map(Patient).map(UserProfile::Patient)),
            (None, Some(id)) => Ok(Loaders::staff(ctx, id).await?.map(MedicalStaff).map(UserProfile::MedicalStaff)),
            (None, None) => Ok(None),
        }
    }
}
