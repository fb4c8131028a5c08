//! Who changed a record, when, and which fields.

use std::sync::Arc;

use async_graphql::{Context, Object};
use healthbridge_graphql::{List, Time, below, one};
use healthbridge_outcome::Fault;

use super::user::{User, UserById};
use crate::{domain::RecordVersion, service::RecordVersions};

/// A change of a patient's record.
pub(crate) struct PatientVersion(pub(crate) Arc<RecordVersion>);

/// A change of the record of a member of the medical staff.
pub(crate) struct MedicalStaffVersion(pub(crate) Arc<RecordVersion>);

/// A change of an account by somebody else.
pub(crate) struct UserVersion(pub(crate) Arc<RecordVersion>);

/// A list of a record's changes, the newest first.
macro_rules! versions {
    ($($node:ident),*) => {$(
        impl List for $node {
            const ORDER: &'static str = "version";
            type Row = RecordVersion;
            type Place = i32;

            fn place(version: &RecordVersion) -> i32 {
                version.version
            }

            fn node(version: Arc<RecordVersion>) -> Self {
                Self(version)
            }
        }
    )*};
}

versions!(PatientVersion, MedicalStaffVersion, UserVersion);

below! {
    /// The changes of records.
    pub(super) VersionsOfRecord = RecordVersions::{of_records, count_of_records}(; i32) -> RecordVersion,
        by |version| version.record_id
}

async fn changed_by(ctx: &Context<'_>, version: &RecordVersion) -> Result<Option<User>, Fault> {
    match version.changed_by {
        Some(id) => Ok(one::<UserById>(ctx, id).await?.map(User)),
        None => Ok(None),
    }
}

/// A change of a patient's record.
#[Object]
impl PatientVersion {
    /// The version that the record had after this change; 1 is its creation.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the change was made.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who made the change; null where it was an import, or the caller may not see the account.
    async fn changed_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        changed_by(ctx, &self.0).await
    }

    /// The fields of `Patient` that changed.
    async fn changed_fields(&self) -> &[String] {
        &self.0.changed_fields
    }
}

/// A change of the record of a member of the medical staff.
#[Object]
impl MedicalStaffVersion {
    /// The version that the record had after this change; 1 is its creation.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the change was made.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who made the change; null where it was an import, or the caller may not see the account.
    async fn changed_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        changed_by(ctx, &self.0).await
    }

    /// The fields of `MedicalStaff` that changed.
    async fn changed_fields(&self) -> &[String] {
        &self.0.changed_fields
    }
}

/// A change of an account by somebody else.
#[Object]
impl UserVersion {
    /// The version that the account had after this change.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the change was made.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who made the change; null where the caller may not see the account.
    async fn changed_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        changed_by(ctx, &self.0).await
    }

    /// The fields of `User` that changed.
    async fn changed_fields(&self) -> &[String] {
        &self.0.changed_fields
    }

    /// The reason that was given, where the mutation asks for one.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}
