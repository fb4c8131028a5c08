use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Coding, CodingInput, Time, UserError, caller, now};
use uuid::Uuid;

use super::{
    report::{DiagnosisReport, ReportPriority},
    workflow_log::{WorkflowAction, WorkflowLog},
};
use crate::{
    Service, domain,
    service::{AddWorkflowLog, CreateReport},
};

/// The mutations of the subgraph.
pub(crate) struct Mutation;

/// A report to be begun.
#[derive(InputObject)]
pub(crate) struct CreateReportInput {
    /// Whose report it is.
    patient_id: ID,
    /// The images that it is about.
    image_ids: Option<Vec<ID>>,
    /// What was examined, a LOINC code.
    code: Option<CodingInput>,
    /// How urgent it is.
    #[graphql(default_with = "ReportPriority::Routine")]
    priority: ReportPriority,
    /// What was known before.
    clinical_history: Option<String>,
    /// What was seen.
    findings: Option<String>,
    /// What it means.
    impression: Option<String>,
    /// The conclusion in codes of ICD-10 or SNOMED CT.
    conclusion_codes: Option<Vec<CodingInput>>,
    /// Whether somebody must act at once.
    #[graphql(default)]
    critical: bool,
    /// Who is to read it.
    assignee_id: Option<ID>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

/// What is to be logged.
#[derive(InputObject)]
pub(crate) struct AddWorkflowLogInput {
    /// What was done.
    action: WorkflowAction,
    /// A remark.
    note: Option<String>,
    /// The patient.
    patient_id: Option<ID>,
    /// The report.
    report_id: Option<ID>,
    /// The image.
    image_id: Option<ID>,
    /// When it happened; now where it is left out.
    occurred_at: Option<Time>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

/// A report, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ReportPayload {
    /// The report.
    report: Option<DiagnosisReport>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// An entry, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct WorkflowLogPayload {
    /// The entry.
    log: Option<WorkflowLog>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// The mutations of the subgraph.
#[Object]
impl Mutation {
    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression.
    #[graphql(requires_scopes = "user/DiagnosticReport.c", requires_scopes = "system/DiagnosticReport.c")]
    async fn create_report(
        &self,
        ctx: &Context<'_>,
        input: CreateReportInput,
    ) -> Result<Option<ReportPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = CreateReport {
            patient_id: input.patient_id.0,
            image_ids: input.image_ids.into_iter().flatten().map(|id| id.0).collect(),
            code: input.code.map(Coding::from),
            priority: input.priority.into(),
            clinical_history: input.clinical_history,
            findings: input.findings,
            impression: input.impression,
            conclusion_codes: input.conclusion_codes.into_iter().flatten().map(Coding::from).collect(),
            critical: input.critical,
            assignee_id: input.assignee_id.map(|id| id.0),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.create_report(caller(ctx), input, key, now()).await? {
            Ok(report) => ReportPayload { report: Some(DiagnosisReport(Arc::new(report))), user_errors: Vec::new() },
            Err(user_errors) => ReportPayload { report: None, user_errors },
        }))
    }

    /// Appends to the workflow log. There is no way to change or delete an entry.
    #[graphql(requires_scopes = "user/Provenance.c", requires_scopes = "system/Provenance.c")]
    async fn add_workflow_log(
        &self,
        ctx: &Context<'_>,
        input: AddWorkflowLogInput,
    ) -> Result<Option<WorkflowLogPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = AddWorkflowLog {
            action: domain::WorkflowAction::from(input.action).into(),
            note: input.note,
            patient_id: input.patient_id.map(|id| id.0),
            report_id: input.report_id.map(|id| id.0),
            image_id: input.image_id.map(|id| id.0),
            occurred_at: input.occurred_at.map(Into::into),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.add_workflow_log(caller(ctx), input, key, now()).await? {
            Ok(log) => WorkflowLogPayload { log: Some(WorkflowLog(Arc::new(log))), user_errors: Vec::new() },
            Err(user_errors) => WorkflowLogPayload { log: None, user_errors },
        }))
    }
}
