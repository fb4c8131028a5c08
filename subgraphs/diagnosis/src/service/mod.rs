//! The rules of reports and of the log.

mod create_report;
mod workflow_log;

use healthbridge_auth::{Caller, Reach, Resource, Right};
use healthbridge_graphql::{ApiError, Page, Window};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use create_report::CreateReport;
pub(crate) use workflow_log::AddWorkflowLog;

use crate::{
    domain::Report,
    store::{ReportFilter, Store},
};

/// The subgraph's service.
pub struct Service {
    store: Store,
}

impl Service {
    /// A service on this database.
    pub fn new(pool: PgPool) -> Self {
        Self { store: Store::new(pool) }
    }

    /// The reports that the caller may read, of these. A patient sees the own ones that were released.
    pub(crate) async fn reports(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Report>, ApiError> {
        match caller.reach(Resource::DiagnosticReport, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.reports_by_id(ids, own).await.map_err(ApiError::internal),
        }
    }

    /// A page of reports of each of these patients, of those that the caller may read.
    pub(crate) async fn reports_of(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Report>, ApiError> {
        let reach = caller.reach(Resource::DiagnosticReport, Right::Read);
        let patients: Vec<Uuid> = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        let filter = ReportFilter { released_only: reach != Reach::Everyone, ..filter.clone() };
        self.store.reports_of_patients(&patients, &filter, window).await.map_err(ApiError::internal)
    }

    /// A page of the reports that the caller may search.
    pub(crate) async fn search_reports(
        &self,
        caller: &Caller,
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Report>, ApiError> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        self.store.list_reports(filter, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }
}
