use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use healthbridge_graphql::{ApiError, BigInt, Time, parse_id};

use super::{
    loaders::Loaders,
    reference::{MedicalImage, Patient, User},
    report::DiagnosisReport,
};
use crate::{domain, store::WorkflowLogFilter as StoreFilter};

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::WorkflowAction")]
pub(crate) enum WorkflowAction {
    /// An examination was ordered.
    Ordered,
    /// The patient has come.
    CheckedIn,
    /// Images were acquired.
    Acquired,
    /// Images were uploaded.
    Uploaded,
    /// A report was assigned to a reader.
    Assigned,
    /// Somebody began to read.
    ReadStarted,
    /// A report was drafted.
    Drafted,
    /// A report was signed and released.
    Confirmed,
    /// A released report was changed.
    Amended,
    /// Something was added to a released report.
    AddendumAdded,
    /// Something was cancelled.
    Cancelled,
    /// A report was handed over.
    Delivered,
    /// Something was billed.
    Billed,
    /// Something was paid.
    Paid,
    /// Something was paid back.
    Refunded,
    /// Something else.
    Other,
}

/// Which entries a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct WorkflowLogFilter {
    /// Done by this account.
    user_id: Option<ID>,
    /// About this patient.
    patient_id: Option<ID>,
    /// About this report.
    report_id: Option<ID>,
    /// One of these actions.
    action: Option<Vec<WorkflowAction>>,
    /// Happened then or later.
    from: Option<Time>,
    /// Happened before.
    to: Option<Time>,
}

/// The store's filter. What is no id of ours names nothing, about which there is no entry.
pub(crate) fn filter(input: Option<WorkflowLogFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    let id = |id: Option<ID>| id.map(|id| parse_id(&id).unwrap_or_default());
    StoreFilter {
        user_id: id(filter.user_id),
        patient_id: id(filter.patient_id),
        report_id: id(filter.report_id),
        actions: filter.action.into_iter().flatten().map(Into::into).collect(),
        from: filter.from.map(Into::into),
        to: filter.to.map(Into::into),
    }
}

/// An entry of the workflow log (FHIR Provenance), which only grows: each entry's hash covers the one before it.
pub(crate) struct WorkflowLog(pub(crate) Arc<domain::WorkflowLog>);

/// An entry of the workflow log (FHIR Provenance), which only grows: each entry's hash covers the one before it.
#[Object]
impl WorkflowLog {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.entry.id.into()
    }

    /// Its place in the log, from 1, without gaps.
    async fn seq(&self) -> BigInt {
        BigInt(self.0.seq)
    }

    /// When it happened.
    async fn occurred_at(&self) -> Time {
        self.0.entry.occurred_at.into()
    }

    /// When it was written down.
    async fn recorded_at(&self) -> Time {
        self.0.entry.recorded_at.into()
    }

    /// Who did it. Null where the caller may not see the account, or it cannot be asked for.
    async fn user(&self) -> Option<User> {
        Some(User { id: self.0.entry.user_id.into() })
    }

    /// What was done.
    async fn action(&self) -> WorkflowAction {
        self.0.entry.action.into()
    }

    /// A remark.
    async fn note(&self) -> Option<&str> {
        self.0.entry.note.as_deref()
    }

    /// The patient.
    async fn patient(&self) -> Option<Patient> {
        self.0.entry.patient_id.map(|id| Patient { id: id.into() })
    }

    /// The report, if the caller may read it.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<DiagnosisReport>, ApiError> {
        match self.0.entry.report_id {
            Some(id) => Ok(Loaders::report(ctx, id).await?.map(DiagnosisReport)),
            None => Ok(None),
        }
    }

    /// The image.
    async fn image(&self) -> Option<MedicalImage> {
        self.0.entry.image_id.map(|id| MedicalImage { id: id.into() })
    }

    /// The hash of the entry before, lower-case hexadecimal; 64 zeros before the first.
    async fn prev_hash(&self) -> &str {
        &self.0.prev_hash
    }

    /// SHA-256 over this entry and `prevHash`, lower-case hexadecimal.
    async fn hash(&self) -> &str {
        &self.0.hash
    }
}
