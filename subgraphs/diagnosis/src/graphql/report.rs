use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{Coding, Time, caller, parse_id};

use super::reference::{MedicalImage, MedicalStaff, Patient};
use crate::{domain, store::ReportFilter as StoreFilter};

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "report";

/// The status of a report (FHIR R4 diagnostic-report-status).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ReportStatus")]
pub(crate) enum ReportStatus {
    /// It exists, and nothing is written yet.
    Registered,
    /// Parts of it are written.
    Partial,
    /// It is written and not yet verified.
    Preliminary,
    /// It is verified and released.
    Final,
    /// It was changed after its release.
    Amended,
    /// A mistake was corrected after its release.
    Corrected,
    /// Something was added after its release.
    Appended,
    /// It will not be written.
    Cancelled,
    /// It should not exist.
    EnteredInError,
    /// Not known.
    Unknown,
}

/// How urgent a report is (FHIR request-priority).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ReportPriority")]
pub(crate) enum ReportPriority {
    /// In its turn.
    Routine,
    /// Sooner than others.
    Urgent,
    /// As soon as possible.
    Asap,
    /// At once.
    Stat,
}

/// Which reports a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct ReportFilter {
    /// In one of these states.
    status: Option<Vec<ReportStatus>>,
    /// Of one of these priorities.
    priority: Option<Vec<ReportPriority>>,
    /// Written by this member of the staff.
    author_id: Option<ID>,
    /// Whether somebody must act at once.
    critical: Option<bool>,
    /// Released then or later.
    issued_from: Option<Time>,
    /// Released before.
    issued_to: Option<Time>,
}

/// The store's filter.
pub(crate) fn filter(input: Option<ReportFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    StoreFilter {
        statuses: filter.status.into_iter().flatten().map(Into::into).collect(),
        priorities: filter.priority.into_iter().flatten().map(Into::into).collect(),
        // What is no id of ours names nobody, who has written nothing.
        author_id: filter.author_id.map(|id| parse_id(&id).unwrap_or_default()),
        critical: filter.critical,
        issued_from: filter.issued_from.map(Into::into),
        issued_to: filter.issued_to.map(Into::into),
        released_only: false,
    }
}

/// A diagnosis report (FHIR DiagnosticReport). One that the caller may not see looks like one that does not exist.
pub(crate) struct DiagnosisReport(pub(crate) Arc<domain::Report>);

/// A diagnosis report (FHIR DiagnosticReport). One that the caller may not see looks like one that does not exist.
#[Object]
impl DiagnosisReport {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Status.
    async fn status(&self) -> ReportStatus {
        self.0.status.into()
    }

    /// What this caller may do next, from the state machine and the caller's rights.
    async fn allowed_transitions(&self, ctx: &Context<'_>) -> Vec<ReportStatus> {
        let caller = caller(ctx);
        let next = self.0.status.next().iter().copied();
        next.filter(|next| may_move(caller, *next)).map(ReportStatus::from).collect()
    }

    /// How urgent it is.
    async fn priority(&self) -> ReportPriority {
        self.0.priority.into()
    }

    /// Whose report it is. Null where the caller may not see the record, or it cannot be asked for.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The images that it is about. An item is null where the image was deleted, the caller may not see it, or it cannot be
    /// asked for; the others keep their places.
    async fn images(&self) -> Vec<Option<MedicalImage>> {
        self.0.image_ids.iter().map(|id| Some(MedicalImage { id: (*id).into() })).collect()
    }

    /// What was examined, a LOINC code such as 24627-2 (CT of the chest).
    async fn code(&self) -> Option<&Coding> {
        self.0.code.as_ref()
    }

    /// The conclusion in codes of ICD-10 or SNOMED CT.
    async fn conclusion_codes(&self) -> &[Coding] {
        &self.0.conclusion_codes
    }

    /// What was known before.
    async fn clinical_history(&self) -> Option<&str> {
        self.0.clinical_history.as_deref()
    }

    /// How it was examined.
    async fn technique(&self) -> Option<&str> {
        self.0.technique.as_deref()
    }

    /// What was seen.
    async fn findings(&self) -> Option<&str> {
        self.0.findings.as_deref()
    }

    /// What it means.
    async fn impression(&self) -> Option<&str> {
        self.0.impression.as_deref()
    }

    /// Whether somebody must act at once.
    async fn critical(&self) -> bool {
        self.0.critical
    }

    /// Who wrote it. Null where the caller may not see the person, or the person cannot be asked for.
    async fn author(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.author_id.into() })
    }

    /// Who is to read it.
    async fn assignee(&self) -> Option<MedicalStaff> {
        self.0.assignee_id.map(|id| MedicalStaff { id: id.into() })
    }

    /// When it was released.
    async fn issued_at(&self) -> Option<Time> {
        self.0.issued_at.map(Time::from)
    }

    /// When it was begun.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When it was changed last.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Releasing and what comes after it is signed; the rest is writing.
fn may_move(caller: &Caller, next: domain::ReportStatus) -> bool {
    let may_write = caller.require(Resource::DiagnosticReport, Right::Update).is_ok();
    may_write && (!next.is_released() || caller.holds("policy:report.sign"))
}
