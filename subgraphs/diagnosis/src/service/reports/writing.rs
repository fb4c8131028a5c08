//! What all changes of reports have in common.

use healthbridge_change::{Making, new_id};
use healthbridge_outcome::{Outcome, Stop, UserError, UserErrorCode};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{
        Entry, Report, WorkflowAction,
        stage::{Open, Stage},
    },
    settings,
    store::{reports, workflow_logs},
};

/// A change, and what the deployment decided. Its key is bound to the change alone.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Writing<'a, C> {
    pub change: &'a C,
    #[serde(skip)]
    pub settings: &'a settings::ReportSettings,
}

/// The member of the medical staff who makes the change.
pub(super) fn writer(making: &Making<'_>) -> Outcome<Uuid> {
    let staff = making.caller.account().and_then(|account| account.staff_id);
    staff.ok_or_else(|| {
        let message = "Only members of the medical staff write reports";
        Stop::refuse("reportId", UserErrorCode::NotAllowed, message)
    })
}

/// A report of the version that the caller saw, if it says which, locked until the change ends.
pub(super) async fn locked(making: &mut Making<'_>, id: &str, expected_version: Option<i32>) -> Outcome<Stage> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => reports::lock(making.connection(), id).await?,
        Err(_) => None,
    };
    let Some(report) = found else {
        return Err(Stop::refuse("reportId", UserErrorCode::NotFound, "There is no such report"));
    };
    if expected_version.is_some_and(|expected| expected != report.version) {
        return Err(UserError::version_conflict().into());
    }
    Ok(Stage::from(report))
}

/// A report that is being written, by nobody else at present.
pub(super) fn free(making: &Making<'_>, open: Open, writer: Uuid) -> Outcome<Open> {
    if open.held_from(writer, making.now).is_some() {
        return Err(held());
    }
    Ok(open)
}

/// The refusal of what somebody else is writing.
pub(super) fn held() -> Stop {
    let message = "Somebody else is writing the report: wait until it is free, or take it over by assignReport";
    Stop::refuse("reportId", UserErrorCode::NotAllowed, message)
}

/// The refusal of a change of what nobody writes any more.
pub(super) fn immutable(stage: &Stage) -> Stop {
    let message = match stage {
        Stage::Released(_) => "The report was released: amend it, or add to it",
        Stage::Open(_) | Stage::Closed(_) => "Nothing becomes of the report any more",
    };
    Stop::refuse("reportId", UserErrorCode::Immutable, message)
}

/// The refusal of a step that does not lead on from a report's status.
pub(super) fn illegal(message: &str) -> Stop {
    Stop::refuse("reportId", UserErrorCode::IllegalTransition, message)
}

/// Writes a step in the workflow log, in the transaction of the change.
pub(super) async fn logged(
    making: &mut Making<'_>,
    report: &Report,
    action: WorkflowAction,
    note: Option<String>,
) -> Outcome<()> {
    let entry = Entry {
        id: new_id(),
        occurred_at: making.now,
        recorded_at: making.now,
        user_id: making.user_id(),
        action,
        note,
        patient_id: Some(report.patient_id),
        report_id: Some(report.id),
        image_id: None,
    };
    Ok(workflow_logs::append(making.connection(), &entry).await?)
}
