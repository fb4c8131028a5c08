//! Who changed a record, when, and which fields.

use std::sync::Arc;

use async_graphql::{Context, Object, OutputType};
use healthbridge_graphql::{Batch, Connection, Time, one, page};
use healthbridge_outcome::{Cursor, Fault, PageArgs, Window};
use healthbridge_rights::Caller;
use uuid::Uuid;

use super::user::{User, UserById};
use crate::{domain::RecordVersion, service::RecordVersions};

/// The ordering's name in cursors.
const NEWEST_FIRST: &str = "version";

/// A change of a patient's record.
pub(crate) struct PatientVersion(pub(crate) Arc<RecordVersion>);

/// A change of the record of a member of the medical staff.
pub(crate) struct MedicalStaffVersion(pub(crate) Arc<RecordVersion>);

/// A change of an account by somebody else.
pub(crate) struct UserVersion(pub(crate) Arc<RecordVersion>);

/// The changes of records.
struct VersionsOfRecord;

impl Batch for VersionsOfRecord {
    type Service = RecordVersions;
    type Key = Uuid;
    type Arguments = ((), Window<i32>);
    type Row = RecordVersion;

    async fn load(
        versions: &RecordVersions,
        caller: &Caller,
        records: &[Uuid],
        ((), window): &Self::Arguments,
    ) -> Result<Vec<RecordVersion>, Fault> {
        versions.of_records(caller, records, window).await
    }

    fn key(version: &RecordVersion) -> Uuid {
        version.record_id
    }
}

/// A page of a record's changes, the newest first.
pub(super) async fn history<T: OutputType>(
    ctx: &Context<'_>,
    record: Uuid,
    first: Option<i32>,
    after: Option<String>,
    node: impl Fn(Arc<RecordVersion>) -> T,
) -> Result<Option<Connection<T>>, Fault> {
    let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
    let page = page::<VersionsOfRecord, _, _>(ctx, record, (), window).await?;
    Ok(Some(Connection::new(page, |version| Cursor::write(NEWEST_FIRST, &version.version), node)))
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
    /// The record's version since then; 1 is its making.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who; null for an import.
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
    /// The record's version since then; 1 is its making.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who; null for an import.
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
    /// The account's version since then.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When.
    async fn changed_at(&self) -> Time {
        self.0.changed_at.into()
    }

    /// Who.
    async fn changed_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        changed_by(ctx, &self.0).await
    }

    /// The fields of `User` that changed.
    async fn changed_fields(&self) -> &[String] {
        &self.0.changed_fields
    }

    /// Why, where the mutation asks for a reason.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}
