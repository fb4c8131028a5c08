use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, caller, parse_id};

use super::{
    loaders::Loaders,
    reference::Patient,
    report::{DiagnosisReport, NEWEST_FIRST, ReportFilter, filter},
    workflow_log::{self, WorkflowLog, WorkflowLogFilter},
};
use crate::{Service, domain};

/// The queries of the subgraph.
pub(crate) struct Query;

/// The ordering's name in cursors of the log.
const LOG_NEWEST_FIRST: &str = "workflow-log";

async fn report(ctx: &Context<'_>, id: &ID) -> Result<Option<DiagnosisReport>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::report(ctx, id).await?.map(DiagnosisReport)),
        None => Ok(None),
    }
}

async fn workflow_log(ctx: &Context<'_>, id: &ID) -> Result<Option<WorkflowLog>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::workflow_log(ctx, id).await?.map(WorkflowLog)),
        None => Ok(None),
    }
}

/// The queries of the subgraph.
#[Object]
impl Query {
    /// A report; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn report(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DiagnosisReport>, ApiError> {
        report(ctx, &id).await
    }

    /// The reports of all patients, the newest first.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which reports.")] filter: Option<ReportFilter>,
    ) -> Result<Option<Connection<DiagnosisReport>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.search_reports(caller(ctx), &self::filter(filter), &window).await?;
        let cursor = |report: &Arc<domain::Report>| Cursor::write(NEWEST_FIRST, &report.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, DiagnosisReport)))
    }

    /// The workflow log, the newest entry first.
    #[graphql(requires_scopes = "user/Provenance.s", requires_scopes = "system/Provenance.s")]
    async fn workflow_logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which entries.")] filter: Option<WorkflowLogFilter>,
    ) -> Result<Option<Connection<WorkflowLog>>, ApiError> {
        let window = PageArgs::forward(first, after, 50)?.window(LOG_NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.search_workflow_logs(caller(ctx), &workflow_log::filter(filter), &window).await?;
        let cursor = |log: &Arc<domain::WorkflowLog>| Cursor::write(LOG_NEWEST_FIRST, &log.seq);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, WorkflowLog)))
    }

    /// An entry of the workflow log.
    #[graphql(requires_scopes = "user/Provenance.r", requires_scopes = "system/Provenance.r")]
    async fn workflow_log(&self, ctx: &Context<'_>, id: ID) -> Result<Option<WorkflowLog>, ApiError> {
        workflow_log(ctx, &id).await
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient { id }
    }

    #[graphql(entity)]
    async fn find_diagnosis_report_by_id(
        &self,
        ctx: &Context<'_>,
        id: ID,
    ) -> Result<Option<DiagnosisReport>, ApiError> {
        report(ctx, &id).await
    }

    #[graphql(entity)]
    async fn find_workflow_log_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<WorkflowLog>, ApiError> {
        workflow_log(ctx, &id).await
    }
}
