use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_auth::Caller;
use healthbridge_graphql::{
    ApiError, Page, Window,
    batch::{self, Many, One, loader},
};
use uuid::Uuid;

use crate::{
    Service,
    domain::{Report, WorkflowLog},
    store::ReportFilter,
};

/// A field's arguments: reports of several patients with the same ones are one statement.
type ListArguments = (ReportFilter, Window<Uuid>);

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    reports: Loader<Uuid, One<Report>, Batch>,
    of_patient: Loader<(Uuid, ListArguments), Many<Arc<Report>>, Batch>,
    workflow_logs: Loader<Uuid, One<WorkflowLog>, Batch>,
}

#[derive(Clone)]
struct Batch {
    service: Arc<Service>,
    caller: Caller,
}

impl Loaders {
    pub(crate) fn new(service: &Arc<Service>, caller: &Caller) -> Self {
        let batch = Batch { service: service.clone(), caller: caller.clone() };
        Self { reports: loader(batch.clone()), of_patient: loader(batch.clone()), workflow_logs: loader(batch) }
    }

    fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked()
    }

    /// A report that the caller may read.
    pub(crate) async fn report(ctx: &Context<'_>, id: Uuid) -> One<Report> {
        Self::of(ctx).reports.try_load(id).await.map_err(ApiError::internal)?
    }

    /// A page of a patient's reports that the caller may read.
    pub(crate) async fn of_patient(
        ctx: &Context<'_>,
        patient: Uuid,
        filter: ReportFilter,
        window: Window<Uuid>,
    ) -> Result<Page<Arc<Report>>, ApiError> {
        let key = (patient, (filter, window.clone()));
        let rows = Self::of(ctx).of_patient.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.to_vec()))
    }

    /// An entry of the log that the caller may read.
    pub(crate) async fn workflow_log(ctx: &Context<'_>, id: Uuid) -> One<WorkflowLog> {
        Self::of(ctx).workflow_logs.try_load(id).await.map_err(ApiError::internal)?
    }
}

impl BatchFn<Uuid, One<Report>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Report>> {
        batch::one(ids, self.service.reports(&self.caller, ids).await, |report| report.id)
    }
}

impl BatchFn<(Uuid, ListArguments), Many<Arc<Report>>> for Batch {
    async fn load(&mut self, keys: &[(Uuid, ListArguments)]) -> HashMap<(Uuid, ListArguments), Many<Arc<Report>>> {
        let mut all = HashMap::new();
        for (arguments, patients) in batch::by_arguments(keys) {
            let (filter, window) = &arguments;
            let rows = self.service.reports_of(&self.caller, &patients, filter, window).await;
            let rows = rows.map(|rows| rows.into_iter().map(Arc::new).collect());
            all.extend(batch::many(patients, &arguments, rows, |report: &Arc<Report>| report.patient_id));
        }
        all
    }
}

impl BatchFn<Uuid, One<WorkflowLog>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<WorkflowLog>> {
        batch::one(ids, self.service.workflow_logs(&self.caller, ids).await, |log| log.entry.id)
    }
}
