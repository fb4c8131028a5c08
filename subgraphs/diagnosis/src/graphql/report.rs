use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{
    Code, Coding, CodingInput, Connection, List, Time, UserError, batch, caller, codes, entity, listed, now, parse_id,
    service, settled, window,
};
use healthbridge_outcome::{Fault, PageArgs};
use healthbridge_rights::{Caller, Resource, Right};
use uuid::Uuid;

use super::{image::MedicalImage, patient::Patient, staff::MedicalStaff};
use crate::{
    domain::{Report, ReportPriority, ReportStatus},
    service::{CreateReport, Reports},
    store::reports,
};

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

    /// The statuses that this caller may move the report to next.
    async fn allowed_transitions(&self, ctx: &Context<'_>) -> Vec<Code<ReportStatus>> {
        let caller = caller(ctx);
        let next = self.0.status.next().iter().copied();
        next.filter(|next| may_move(caller, *next)).map(Code).collect()
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

    /// The images that it is about. An item is null where the image was deleted, the caller may not see it, or it cannot be
    /// asked for; the others keep their places.
    async fn images(&self) -> Vec<Option<MedicalImage>> {
        self.0.image_ids.iter().map(|id| Some(MedicalImage { id: (*id).into() })).collect()
    }

    /// What was examined, a LOINC code such as 24627-2 (CT of the chest).
    async fn code(&self) -> Option<Coding> {
        self.0.code.as_ref().map(Coding::from)
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

    /// The member of the medical staff who wrote the report. Null where the caller may not see the record, or the part of
    /// the system that knows it is unavailable.
    async fn author(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.author_id.into() })
    }

    /// The member of the medical staff who is to write the report.
    async fn assignee(&self) -> Option<MedicalStaff> {
        self.0.assignee_id.map(|id| MedicalStaff { id: id.into() })
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

/// Releasing and what comes after it is signed; the rest is writing.
fn may_move(caller: &Caller, next: ReportStatus) -> bool {
    let may_write = caller.require(Resource::DiagnosticReport, Right::Update).is_ok();
    may_write && (!next.is_released() || caller.holds("policy:report.sign"))
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

/// Which reports a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct ReportFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<ReportStatus>>>,
    /// Of one of these priorities.
    priority: Option<Vec<Code<ReportPriority>>>,
    /// Written by this member of the staff.
    author_id: Option<ID>,
    /// Whether the result is critical: somebody must act on it at once.
    critical: Option<bool>,
    /// Released then or later.
    issued_from: Option<Time>,
    /// Released before.
    issued_to: Option<Time>,
}

impl From<ReportFilter> for reports::ReportFilter {
    fn from(filter: ReportFilter) -> Self {
        Self {
            statuses: codes(filter.status),
            priorities: codes(filter.priority),
            // What is no id of ours names nobody, who has written nothing.
            author_id: filter.author_id.map(|id| parse_id(&id).unwrap_or_default()),
            critical: filter.critical,
            issued_from: filter.issued_from.map(Into::into),
            issued_to: filter.issued_to.map(Into::into),
            released_only: false,
        }
    }
}

batch! {
    /// The reports with these ids.
    pub(super) ReportById = Reports::by_id() -> Report, by |report| report.id
}

batch! {
    /// The reports of these orders.
    pub(super) ReportOfOrder = Reports::of_orders() -> Report, by |report| report.order_id.unwrap_or_default()
}

/// How reports are found.
#[derive(Default)]
pub(super) struct ReportQuery;

#[Object]
impl ReportQuery {
    /// A report; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn report(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DiagnosisReport>, Fault> {
        Ok(entity::<ReportById>(ctx, &id).await?.map(DiagnosisReport))
    }

    /// The reports of all patients, the newest first.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which reports.")] filter: Option<ReportFilter>,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        let window = window::<DiagnosisReport>(&PageArgs::new(first, after, last, before)?)?;
        let (reports, filter) = (service::<Reports>(ctx), filter.unwrap_or_default().into());
        let page = reports.search(caller(ctx), &filter, &window);
        listed(ctx, page, reports.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_diagnosis_report_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DiagnosisReport>, Fault> {
        Ok(entity::<ReportById>(ctx, &id).await?.map(DiagnosisReport))
    }
}

/// A report to be begun.
#[derive(InputObject)]
pub(crate) struct CreateReportInput {
    /// The patient whom the report is about.
    patient_id: ID,
    /// The imaging order that the report answers, whose images are there: it is READING then, with the caller as its
    /// radiologist. `ALREADY_EXISTS` where it has a report, `ILLEGAL_TRANSITION` while another radiologist reads it.
    order_id: Option<ID>,
    /// The images that it is about.
    image_ids: Option<Vec<ID>>,
    /// What was examined, a LOINC code.
    code: Option<CodingInput>,
    /// The priority (FHIR request-priority).
    #[graphql(default_with = "Code(ReportPriority::Routine)")]
    priority: Code<ReportPriority>,
    /// Clinical history: what was known about the patient before the examination.
    clinical_history: Option<String>,
    /// Findings: what the images show.
    findings: Option<String>,
    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    impression: Option<String>,
    /// The conclusion in codes of ICD-10 or SNOMED CT.
    conclusion_codes: Option<Vec<CodingInput>>,
    /// Whether the result is critical: somebody must act on it at once.
    #[graphql(default)]
    critical: bool,
    /// The member of the medical staff who is to write the report.
    assignee_id: Option<ID>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<CreateReportInput> for CreateReport {
    fn from(input: CreateReportInput) -> Self {
        Self {
            patient_id: input.patient_id.0,
            order_id: input.order_id.map(|id| id.0),
            image_ids: input.image_ids.into_iter().flatten().map(|id| id.0).collect(),
            code: input.code.map(Into::into),
            priority: input.priority.0,
            clinical_history: input.clinical_history,
            findings: input.findings,
            impression: input.impression,
            conclusion_codes: input.conclusion_codes.into_iter().flatten().map(Into::into).collect(),
            critical: input.critical,
            assignee_id: input.assignee_id.map(|id| id.0),
        }
    }
}

/// A report, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ReportPayload {
    /// The report.
    report: Option<DiagnosisReport>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// What is done with reports.
#[derive(Default)]
pub(super) struct ReportMutation;

#[Object]
impl ReportMutation {
    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression.
    #[graphql(requires_scopes = "user/DiagnosticReport.c", requires_scopes = "system/DiagnosticReport.c")]
    async fn create_report(&self, ctx: &Context<'_>, input: CreateReportInput) -> Result<Option<ReportPayload>, Fault> {
        let key = input.idempotency_key;
        let outcome = service::<Reports>(ctx).create(caller(ctx), input.into(), key, now()).await;
        let (report, user_errors) = settled(outcome)?;
        Ok(Some(ReportPayload { report: report.map(|report| DiagnosisReport(Arc::new(report))), user_errors }))
    }
}
