mod change;
mod query;
mod version;
mod worklist;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{Code, Coding, Connection, List, Time, below, caller, many, now, service};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use self::version::{
    AddendaOfReport, ReportAddendum, ReportSignature, ReportVersion, SignaturesOfReport, VersionsOfReport,
};
use super::{image::MedicalImage, patient::Patient, reference::ImagingStudy, staff::MedicalStaff};
use crate::{
    domain::{Addendum, Report, ReportPriority, ReportStatus},
    service::{ReportVersions, allowed},
};

pub(super) use change::ReportMutation;
pub(crate) use query::{ReportById, ReportFilter, ReportOfOrder, ReportQuery};
pub(super) use worklist::WorklistQuery;

/// A diagnosis report (FHIR DiagnosticReport). One that the caller may not see looks like one that does not exist.
pub(crate) struct DiagnosisReport(pub(crate) Arc<Report>);

/// A diagnosis report (FHIR DiagnosticReport). One that the caller may not see looks like one that does not exist.
#[Object]
impl DiagnosisReport {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The status.
    async fn status(&self) -> Code<ReportStatus> {
        Code(self.0.status)
    }

    /// The statuses that this caller may move the report to now: exactly those that the mutations take. None while somebody
    /// else is writing it. The status that it has is among them where it may be released in that once more.
    async fn allowed_transitions(&self, ctx: &Context<'_>) -> Vec<Code<ReportStatus>> {
        allowed(&self.0, caller(ctx), now()).into_iter().map(Code).collect()
    }

    /// The priority (FHIR request-priority).
    async fn priority(&self) -> Code<ReportPriority> {
        Code(self.0.priority)
    }

    /// The patient whom the report is about. Null where the caller may not see the record, or the part of the system that
    /// knows it is unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The imaging study that it is about.
    async fn study(&self) -> Option<ImagingStudy> {
        self.0.study_id.map(|id| ImagingStudy { id: id.into() })
    }

    /// The images that it is about. An item is null where the image was deleted, the caller may not see it, or it cannot be
    /// asked for; the others keep their places.
    async fn images(&self) -> Vec<Option<MedicalImage>> {
        self.0.image_ids.iter().map(|id| Some(MedicalImage { id: (*id).into() })).collect()
    }

    /// What was examined, a LOINC code such as 24627-2 (CT of the chest).
    async fn code(&self) -> Option<Coding> {
        self.0.code.as_ref().map(Coding::from)
    }

    /// What kind of service made it, codes of HL7 v2 table 0074 such as RAD (radiology).
    async fn category(&self) -> Vec<Coding> {
        self.0.category.iter().map(Coding::from).collect()
    }

    /// The conclusion in codes of ICD-10 or SNOMED CT.
    async fn conclusion_codes(&self) -> Vec<Coding> {
        self.0.conclusion_codes.iter().map(Coding::from).collect()
    }

    /// Clinical history: what was known about the patient before the examination.
    async fn clinical_history(&self) -> Option<&str> {
        self.0.clinical_history.as_deref()
    }

    /// The technique of the examination.
    async fn technique(&self) -> Option<&str> {
        self.0.technique.as_deref()
    }

    /// Findings: what the images show.
    async fn findings(&self) -> Option<&str> {
        self.0.findings.as_deref()
    }

    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    async fn impression(&self) -> Option<&str> {
        self.0.impression.as_deref()
    }

    /// Whether the result is critical: somebody must act on it at once.
    async fn critical(&self) -> bool {
        self.0.critical
    }

    /// When somebody took note of what is critical; null where nobody has.
    async fn critical_acknowledged_at(&self) -> Option<Time> {
        self.0.acknowledged.as_ref().map(|acknowledged| acknowledged.at.into())
    }

    /// Who took note of what is critical. Null where nobody has, the caller may not see the record, or the part of the
    /// system that knows it is unavailable.
    async fn critical_acknowledged_by(&self) -> Option<MedicalStaff> {
        self.0.acknowledged.as_ref().map(|acknowledged| MedicalStaff { id: acknowledged.by.into() })
    }

    /// What was done about what is critical, by the word of who took note of it.
    async fn critical_acknowledgement(&self) -> Option<&str> {
        self.0.acknowledged.as_ref().map(|acknowledged| acknowledged.note.as_str())
    }

    /// The member of the medical staff who wrote the report. Null where the caller may not see the record, or the part of
    /// the system that knows it is unavailable.
    async fn author(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.author_id.into() })
    }

    /// The member of the medical staff who is to write the report.
    async fn assignee(&self) -> Option<MedicalStaff> {
        self.0.assignee_id.map(|id| MedicalStaff { id: id.into() })
    }

    /// Until then nobody but the assignee writes the report, unless it is taken over; null where anybody may.
    async fn assigned_until(&self) -> Option<Time> {
        self.0.assigned_until.map(Time::from)
    }

    /// The member of the medical staff who asked for the examination; null where that is not known.
    async fn requester(&self) -> Option<MedicalStaff> {
        self.0.requester_id.map(|id| MedicalStaff { id: id.into() })
    }

    /// The signatures of all versions, the first one first.
    async fn signatures(&self, ctx: &Context<'_>) -> Result<Vec<ReportSignature>, Fault> {
        let signatures = many::<SignaturesOfReport>(ctx, self.0.id, ());
        let (signatures, addenda) = futures::join!(signatures, many::<AddendaOfReport>(ctx, self.0.id, ()));
        let addenda: Vec<Addendum> = addenda?.iter().map(|one| Addendum::clone(one)).collect();
        let versions = service::<ReportVersions>(ctx);
        let face = |one: &Arc<_>| ReportSignature::of(one, versions.is_valid(one, &self.0, &addenda));
        Ok(signatures?.iter().map(face).collect())
    }

    /// What was added to the report after its release, the first addendum first.
    async fn addenda(&self, ctx: &Context<'_>) -> Result<Vec<ReportAddendum>, Fault> {
        let addenda = many::<AddendaOfReport>(ctx, self.0.id, ()).await?;
        Ok(addenda.into_iter().map(ReportAddendum).collect())
    }

    /// The number of the version that was released last; 0 before the first release, and where another system released it.
    async fn current_version(&self) -> i32 {
        self.0.current_version
    }

    /// What was released, the last version first.
    async fn versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
    ) -> Result<Option<Connection<ReportVersion>>, Fault> {
        let args = PageArgs::new(first, after, last, before)?;
        below::<VersionsOfReport, _>(ctx, self.0.id, &args, ()).await
    }

    /// Why the report was cancelled, or was recorded in error.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// When the report was released (FHIR DiagnosticReport.issued); null before.
    async fn issued_at(&self) -> Option<Time> {
        self.0.issued_at.map(Time::from)
    }

    /// When the report was created.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When the report was last changed.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl List for DiagnosisReport {
    const ORDER: &'static str = "report";
    type Row = Report;
    type Place = Uuid;

    fn place(report: &Report) -> Uuid {
        report.id
    }

    fn node(report: Arc<Report>) -> Self {
        Self(report)
    }
}
