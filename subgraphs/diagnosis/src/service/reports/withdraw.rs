use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Fault, Outcome, Refusals};
use healthbridge_signature::Meaning;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    release::{Said, Signed, own_id},
    writing::illegal,
};
use crate::{
    domain::{Report, WorkflowAction, stage::Stage},
    service::orders,
    store::reports,
};

/// A released report to be disregarded, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WithdrawReport {
    pub report_id: String,
    pub expected_version: i32,
    pub reason: String,
}

impl Change for Signed<'_, WithdrawReport> {
    const NAME: &'static str = "markReportEnteredInError";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.change.reason);
        let reason = refusals.or(reason)?;
        let signer = self.signer(making)?;
        let stage = self.locked(making, &self.change.report_id, self.change.expected_version).await?;
        let Stage::Released(released) = stage else { return Err(illegal("Only what was released is withdrawn")) };
        let report = Report::from(released.withdraw(reason.clone(), making.now));
        let said = Said {
            meaning: Meaning::Amendment,
            action: WorkflowAction::Cancelled,
            reason: Some(reason),
            addendum: None,
        };
        let report = self.write(making, report, signer, said).await?;
        if let Some(order) = report.order_id {
            orders::report_withdrawn(making, order).await?;
        }
        Ok(report)
    }
}

impl Once for Signed<'_, WithdrawReport> {
    fn id(&self) -> Uuid {
        own_id(&self.change.report_id)
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Report>, Fault> {
        Ok(reports::by_id(connection, &[id], None).await?.pop())
    }
}
