use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Account, Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{Entry, Report, ReportPriority, ReportStatus, WorkflowAction},
    store::Store,
};

/// A report to be begun, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateReport {
    pub patient_id: String,
    pub image_ids: Vec<String>,
    pub code: Option<Coding>,
    pub priority: ReportPriority,
    pub clinical_history: Option<String>,
    pub findings: Option<String>,
    pub impression: Option<String>,
    pub conclusion_codes: Vec<Coding>,
    pub critical: bool,
    pub assignee_id: Option<String>,
}

impl Service {
    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression. It is logged with it.
    pub(crate) async fn create_report(
        &self,
        caller: &Caller,
        input: CreateReport,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Report>, ApiError> {
        let account = caller.require(Resource::DiagnosticReport, Right::Create)?;
        let id = Uuid::now_v7();
        let key = key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "createReport" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.reports_by_id(&[id], None).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        let report = match check(&input, account, now) {
            Ok(report) => Report { id, ..report },
            Err(refused) => return Ok(Err(refused)),
        };
        Store::insert_report(&mut transaction, &report).await.map_err(ApiError::internal)?;
        let entry = Entry {
            id: Uuid::now_v7(),
            occurred_at: report.created_at,
            recorded_at: report.created_at,
            user_id: account.user_id,
            action: WorkflowAction::Drafted,
            note: None,
            patient_id: Some(report.patient_id),
            report_id: Some(report.id),
            image_id: None,
        };
        Store::append_workflow_log(&mut transaction, entry).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(report))
    }
}

fn check(input: &CreateReport, account: &Account, now: DateTime<Utc>) -> Outcome<Report> {
    let mut refusals = Refusals::default();
    let patient_id = Uuid::try_parse(&input.patient_id);
    if patient_id.is_err() {
        refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
    }
    if account.staff_id.is_none() {
        let message = "Only members of the medical staff write reports";
        refusals.add("patientId", UserErrorCode::NotAllowed, message);
    }
    let image_ids: Result<Vec<Uuid>, _> = input.image_ids.iter().map(|id| Uuid::try_parse(id)).collect();
    if image_ids.is_err() {
        refusals.add("imageIds", UserErrorCode::NotFound, "There is no such image");
    }
    let assignee_id = input.assignee_id.as_deref().map(Uuid::try_parse).transpose();
    if assignee_id.is_err() {
        refusals.add("assigneeId", UserErrorCode::NotFound, "There is no such member of the staff");
    }
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let codes = input.conclusion_codes.iter().enumerate();
    let conclusion_codes =
        codes.map(|(place, code)| refusals.coding(&format!("conclusionCodes.{place}"), code)).collect();
    let clinical_history = refusals.optional_text("clinicalHistory", input.clinical_history.as_deref());
    let findings = refusals.optional_text("findings", input.findings.as_deref());
    let impression = refusals.optional_text("impression", input.impression.as_deref());
    let has_text = findings.is_some() || impression.is_some();
    let now = now.trunc_subsecs(6);
    refusals.or(Report {
        id: Uuid::now_v7(),
        patient_id: patient_id.unwrap_or_default(),
        status: if has_text { ReportStatus::Preliminary } else { ReportStatus::Registered },
        priority: input.priority,
        code,
        conclusion_codes,
        clinical_history,
        technique: None,
        findings,
        impression,
        critical: input.critical,
        author_id: account.staff_id.unwrap_or_default(),
        assignee_id: assignee_id.unwrap_or_default(),
        image_ids: image_ids.unwrap_or_default(),
        issued_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    })
}
