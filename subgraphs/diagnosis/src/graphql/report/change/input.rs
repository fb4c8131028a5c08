use async_graphql::{ID, InputObject};
use healthbridge_graphql::{Code, CodingInput};
use uuid::Uuid;

use crate::{
    domain::{ReportPriority, ReportStatus},
    service::{AssignReport, CreateReport, UpdateReportDraft},
};

/// A report to be begun.
#[derive(InputObject)]
pub(crate) struct CreateReportInput {
    /// The patient whom the report is about.
    patient_id: ID,
    /// The imaging order that the report answers, whose images are there: it is READING then, with the caller as its
    /// radiologist. `ALREADY_EXISTS` where it has a report, `ILLEGAL_TRANSITION` while another radiologist reads it.
    order_id: Option<ID>,
    /// The imaging study that it is about.
    study_id: Option<ID>,
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
    pub idempotency_key: Option<Uuid>,
}

impl From<CreateReportInput> for CreateReport {
    fn from(input: CreateReportInput) -> Self {
        Self {
            patient_id: input.patient_id.0,
            order_id: input.order_id.map(|id| id.0),
            study_id: input.study_id.map(|id| id.0),
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

/// What is written of a report. A field that is left out stays as it is, and an empty text empties it.
#[derive(InputObject)]
pub(crate) struct UpdateReportDraftInput {
    /// The report.
    pub report_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// Findings: what the images show.
    findings: Option<String>,
    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    impression: Option<String>,
    /// The technique of the examination.
    technique: Option<String>,
    /// Clinical history: what was known about the patient before the examination.
    clinical_history: Option<String>,
    /// The conclusion in codes of ICD-10 or SNOMED CT, all of them.
    conclusion_codes: Option<Vec<CodingInput>>,
    /// Whether the result is critical: somebody must act on it at once.
    critical: Option<bool>,
    /// PARTIAL or PRELIMINARY; others are refused with `ILLEGAL_TRANSITION`.
    status: Option<Code<ReportStatus>>,
}

impl From<UpdateReportDraftInput> for UpdateReportDraft {
    fn from(input: UpdateReportDraftInput) -> Self {
        let codes = input.conclusion_codes;
        Self {
            report_id: input.report_id.0,
            expected_version: input.expected_version,
            findings: input.findings,
            impression: input.impression,
            technique: input.technique,
            clinical_history: input.clinical_history,
            conclusion_codes: codes.map(|codes| codes.into_iter().map(Into::into).collect()),
            critical: input.critical,
            status: input.status.map(|status| status.0),
        }
    }
}

/// A report that is given to somebody to write.
#[derive(InputObject)]
pub(crate) struct AssignReportInput {
    /// The report.
    pub report_id: ID,
    /// The member of the medical staff who is to write it.
    assignee_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`. It does not matter where it is left
    /// out.
    expected_version: Option<i32>,
    /// Whether it is taken from somebody who is writing it.
    #[graphql(default)]
    take_over: bool,
}

impl From<AssignReportInput> for AssignReport {
    fn from(input: AssignReportInput) -> Self {
        Self {
            report_id: input.report_id.0,
            assignee_id: input.assignee_id.0,
            expected_version: input.expected_version,
            take_over: input.take_over,
        }
    }
}

/// A report that will not be written, or that must be disregarded.
#[derive(InputObject)]
pub(crate) struct CancelReportInput {
    /// The report.
    pub report_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    pub expected_version: i32,
    /// The reason, in plain text.
    pub reason: String,
    /// The proof of `reauthenticate`, which `markReportEnteredInError` asks for; `cancelReport` signs nothing.
    pub reauth_token: Option<String>,
}

/// That somebody has taken note of a critical result.
#[derive(InputObject)]
pub(crate) struct AcknowledgeCriticalInput {
    /// The report.
    pub report_id: ID,
    /// What was done: who was called, and what follows.
    pub note: String,
}
