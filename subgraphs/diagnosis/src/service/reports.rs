use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Changes, Making, Once, new_id};
use healthbridge_outcome::{Checked, Fault, Outcome, Page, Refusals, Total, UserErrorCode, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::orders;
use crate::{
    NAME,
    domain::{Entry, Report, ReportPriority, ReportStatus, WorkflowAction},
    store::{
        reports::{self, ReportFilter},
        workflow_logs,
    },
};

/// The diagnosis reports.
pub(crate) struct Reports {
    pool: PgPool,
    changes: Changes,
}

impl Reports {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The reports that the caller may read, of these. A patient sees the own ones that were released.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Report>, Fault> {
        match caller.reach(Resource::DiagnosticReport, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(reports::by_id(&self.pool, ids, own).await?),
        }
    }

    /// The report of each of these orders, of those that the caller may read: a patient's was released.
    pub(crate) async fn of_orders(&self, caller: &Caller, orders: &[Uuid]) -> Result<Vec<Report>, Fault> {
        match caller.reach(Resource::DiagnosticReport, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(reports::of_orders(&self.pool, orders, own).await?),
        }
    }

    /// A page of reports of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Report>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reports::of_patients(&self.pool, &patients, &filter, window).await?)
    }

    /// How many reports of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reports::count_of_patients(&self.pool, &patients, &filter).await?)
    }

    /// A page of the reports that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Report>, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(window.page(reports::list(&self.pool, filter, window).await?))
    }

    /// How many reports the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ReportFilter) -> Result<Total, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(reports::count(&self.pool, filter).await?)
    }

    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression. It is logged with it.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        report: CreateReport,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Create)?;
        self.changes.make_once(&report, key, caller, now).await
    }
}

/// Of these patients those that the caller reaches, and what of the filter is left for it: a patient sees what was released.
fn visible(caller: &Caller, patients: &[Uuid], filter: &ReportFilter) -> (Vec<Uuid>, ReportFilter) {
    let reach = caller.reach(Resource::DiagnosticReport, Right::Read);
    let patients = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
    (patients, ReportFilter { released_only: reach != Reach::Everyone, ..filter.clone() })
}

/// A report to be begun, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateReport {
    pub patient_id: String,
    // Left out where there is none, as it was before there were orders: keys of then stay good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
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

impl Change for CreateReport {
    const NAME: &'static str = "createReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let author = making.caller.account().and_then(|account| account.staff_id);
        let mut report = self.check(making.id, author, making.now)?;
        if let Some(order) = &self.order_id {
            let order = orders::report_begun(making, order, report.patient_id, report.author_id).await?;
            report.order_id = Some(order.id);
        }
        let entry = Entry {
            id: new_id(),
            occurred_at: report.created_at,
            recorded_at: report.created_at,
            user_id: making.user_id(),
            action: WorkflowAction::Drafted,
            note: None,
            patient_id: Some(report.patient_id),
            report_id: Some(report.id),
            image_id: None,
        };
        reports::insert(making.connection(), &report).await?;
        workflow_logs::append(making.connection(), &entry).await?;
        Ok(report)
    }
}

impl Once for CreateReport {
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
            code,
            conclusion_codes,
            clinical_history,
            technique: None,
            findings,
            impression,
            critical: self.critical,
            author_id: author.unwrap_or_default(),
            order_id: None,
            assignee_id: assignee_id.unwrap_or_default(),
            image_ids: image_ids.unwrap_or_default(),
            issued_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }
}
