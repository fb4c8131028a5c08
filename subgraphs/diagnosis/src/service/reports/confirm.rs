use healthbridge_change::{Change, Making, Once, failpoint};
use healthbridge_outcome::{Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_signature::Meaning;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    release::{Said, Signed, own_id},
    writing::{free, illegal},
};
use crate::{
    domain::{Report, ReportStatus, WorkflowAction, stage::Stage},
    service::orders,
    store::reports,
};

/// A draft to be released, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConfirmReport {
    pub report_id: String,
    pub expected_version: i32,
    pub meaning: Meaning,
}

impl Change for Signed<'_, ConfirmReport> {
    const NAME: &'static str = "confirmReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let mut refusals = Refusals::default();
        if matches!(self.change.meaning, Meaning::Addendum | Meaning::Amendment) {
            let message = "Who releases a report has written it, verified it, or stands for it beside another one";
            refusals.add("meaning", UserErrorCode::OutOfRange, message);
        }
        refusals.or(())?;
        let signer = self.signer(making)?;
        let stage = self.locked(making, &self.change.report_id, self.change.expected_version).await?;
        let Stage::Open(open) = stage else { return Err(illegal("Only a draft is released")) };
        let drafted = free(making, open, signer)?.drafted().map_err(|open| {
            if open.report().status == ReportStatus::Registered {
                illegal("Nothing of the report is written yet")
            } else {
                let message = "What is released has findings or an impression";
                Stop::refuse("reportId", UserErrorCode::Required, message)
            }
        })?;
        let report = Report::from(drafted.confirm(making.now));
        let said =
            Said { meaning: self.change.meaning, action: WorkflowAction::Confirmed, reason: None, addendum: None };
        let report = self.write(making, report, signer, said).await?;
        if let Some(order) = report.order_id {
            orders::report_released(making, order).await?;
            failpoint(Self::NAME, "order written");
        }
        Ok(report)
    }
}

impl Once for Signed<'_, ConfirmReport> {
    fn id(&self) -> Uuid {
        own_id(&self.change.report_id)
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Report>, Fault> {
        Ok(reports::by_id(connection, &[id], None).await?.pop())
    }
}
