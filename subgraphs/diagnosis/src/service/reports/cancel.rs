use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals};

use super::{
    Writing, locked, logged, writer,
    writing::{free, illegal},
};
use crate::{
    domain::{Report, WorkflowAction, stage::Stage},
    service::orders,
    store::reports,
};

/// A report that will not be written, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct CancelReport {
    pub report_id: String,
    pub expected_version: i32,
    pub reason: String,
}

impl Change for Writing<'_, CancelReport> {
    const NAME: &'static str = "cancelReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let writer = writer(making)?;
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.change.reason);
        let reason = refusals.or(reason)?;
        let Stage::Open(open) = locked(making, &self.change.report_id, Some(self.change.expected_version)).await?
        else {
            return Err(illegal("Only a report that was not released is cancelled"));
        };
        let open = free(making, open, writer)?;
        let report = Report::from(open.cancel(reason.clone(), making.now));
        reports::update(making.connection(), &report, self.settings.search_language.name()).await?;
        logged(making, &report, WorkflowAction::Cancelled, Some(reason)).await?;
        if let Some(order) = report.order_id {
            orders::report_withdrawn(making, order).await?;
        }
        Ok(report)
    }
}
