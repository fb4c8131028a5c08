use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals, Stop, UserErrorCode};

use super::{Writing, locked, logged, writer, writing::illegal};
use crate::{
    domain::{
        Report, WorkflowAction,
        stage::{NotAcknowledged, Stage},
    },
    store::reports,
};

/// That somebody has taken note of a critical result, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct AcknowledgeCritical {
    pub report_id: String,
    pub note: String,
}

impl Change for Writing<'_, AcknowledgeCritical> {
    const NAME: &'static str = "acknowledgeCriticalResult";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let by = writer(making)?;
        let mut refusals = Refusals::default();
        let note = refusals.optional_text("note", Some(&self.change.note));
        if note.is_none() {
            refusals.add("note", UserErrorCode::Required, "Who acknowledges a critical result says what was done");
        }
        let note = refusals.or(note)?.unwrap_or_default();
        let Stage::Released(released) = locked(making, &self.change.report_id, None).await? else {
            return Err(illegal("Only a result that was released is acknowledged"));
        };
        let released = released.acknowledge(by, note.clone(), making.now).map_err(|why| match why {
            NotAcknowledged::NotCritical => illegal("The result is not critical"),
            NotAcknowledged::Already => {
                let message = "The result was acknowledged before";
                Stop::refuse("reportId", UserErrorCode::AlreadyExists, message)
            }
        })?;
        let report = Report::from(released);
        reports::update(making.connection(), &report, self.settings.search_language.name()).await?;
        logged(making, &report, WorkflowAction::Delivered, Some(note)).await?;
        Ok(report)
    }
}
