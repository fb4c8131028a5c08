use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use uuid::Uuid;

use super::{
    Writing, locked, logged, writer,
    writing::{held, immutable},
};
use crate::{
    domain::{Report, WorkflowAction, stage::Stage},
    store::reports,
};

/// A report that is given to somebody, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct AssignReport {
    pub report_id: String,
    pub assignee_id: String,
    pub expected_version: Option<i32>,
    pub take_over: bool,
}

impl Change for Writing<'_, AssignReport> {
    const NAME: &'static str = "assignReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let writer = writer(making)?;
        let Ok(assignee) = Uuid::try_parse(&self.change.assignee_id) else {
            let message = "There is no such member of the staff";
            return Err(Stop::refuse("assigneeId", UserErrorCode::NotFound, message));
        };
        let stage = locked(making, &self.change.report_id, self.change.expected_version).await?;
        let Stage::Open(open) = stage else { return Err(immutable(&stage)) };
        // Whoever has it may pass it on, and it may be given once more to whoever has it.
        let holder = open.held_from(writer, making.now).filter(|(holder, _)| *holder != assignee);
        if holder.is_some() && !self.change.take_over {
            return Err(held());
        }
        let report = Report::from(open.assign(assignee, making.now + self.settings.lock(), making.now));
        reports::update(making.connection(), &report, self.settings.search_language.name()).await?;
        logged(making, &report, WorkflowAction::Assigned, None).await?;
        Ok(report)
    }
}
