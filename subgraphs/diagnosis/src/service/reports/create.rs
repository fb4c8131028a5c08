use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, UserErrorCode};
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Writing, logged};
use crate::{
    domain::{Report, ReportPriority, ReportStatus, WorkflowAction, radiology},
    service::orders,
    store::reports,
};

/// A report to be begun, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateReport {
    pub patient_id: String,
    // Left out where there is none, as it was before there were orders and studies: keys of then stay good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study_id: Option<String>,
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

impl Change for Writing<'_, CreateReport> {
    const NAME: &'static str = "createReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let author = making.caller.account().and_then(|account| account.staff_id);
        let mut report = self.change.check(making.id, author, making.now)?;
        if let Some(order) = &self.change.order_id {
            let order = orders::report_begun(making, order, report.patient_id, report.author_id).await?;
            (report.order_id, report.requester_id) = (Some(order.id), Some(order.ordered_by));
        }
        reports::insert(making.connection(), &report, self.settings.search_language.name()).await?;
        logged(making, &report, WorkflowAction::Drafted, None).await?;
        Ok(report)
    }
}

impl Once for Writing<'_, CreateReport> {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Report>, Fault> {
        Ok(reports::by_id(connection, &[id], None).await?.into_iter().next())
    }
}

impl CreateReport {
    fn check(&self, id: Uuid, author: Option<Uuid>, now: DateTime<Utc>) -> Checked<Report> {
        let mut refusals = Refusals::default();
        let patient_id = Uuid::try_parse(&self.patient_id);
        if patient_id.is_err() {
            refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
        }
        if author.is_none() {
            let message = "Only members of the medical staff write reports";
            refusals.add("patientId", UserErrorCode::NotAllowed, message);
        }
        let image_ids: Result<Vec<Uuid>, _> = self.image_ids.iter().map(|id| Uuid::try_parse(id)).collect();
        if image_ids.is_err() {
            refusals.add("imageIds", UserErrorCode::NotFound, "There is no such image");
        }
        let assignee_id = self.assignee_id.as_deref().map(Uuid::try_parse).transpose();
        if assignee_id.is_err() {
            refusals.add("assigneeId", UserErrorCode::NotFound, "There is no such member of the staff");
        }
        let study_id = self.study_id.as_deref().map(Uuid::try_parse).transpose();
        if study_id.is_err() {
            refusals.add("studyId", UserErrorCode::NotFound, "There is no such study");
        }
        let code = self.code.as_ref().map(|code| refusals.coding("code", code));
        let codes = self.conclusion_codes.iter().enumerate();
        let conclusion_codes =
            codes.map(|(place, code)| refusals.coding(&format!("conclusionCodes.{place}"), code)).collect();
        let clinical_history = refusals.optional_text("clinicalHistory", self.clinical_history.as_deref());
        let findings = refusals.optional_text("findings", self.findings.as_deref());
        let impression = refusals.optional_text("impression", self.impression.as_deref());
        let has_text = findings.is_some() || impression.is_some();
        refusals.or(Report {
            id,
            patient_id: patient_id.unwrap_or_default(),
            status: if has_text { ReportStatus::Preliminary } else { ReportStatus::Registered },
            priority: self.priority,
            category: vec![radiology()],
            code,
            conclusion_codes,
            clinical_history,
            technique: None,
            findings,
            impression,
            critical: self.critical,
            acknowledged: None,
            author_id: author.unwrap_or_default(),
            order_id: None,
            assignee_id: assignee_id.unwrap_or_default(),
            assigned_until: None,
            requester_id: None,
            study_id: study_id.unwrap_or_default(),
            image_ids: image_ids.unwrap_or_default(),
            issued_at: None,
            status_reason: None,
            current_version: 0,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }
}
