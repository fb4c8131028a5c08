use chrono::{DateTime, Utc};
use healthbridge_rights::{Caller, Resource, Right};

use crate::domain::{Report, ReportStatus, stage::Stage};

/// The statuses that this caller may move a report to now: exactly those that the mutations take of it.
pub(crate) fn allowed(report: &Report, caller: &Caller, now: DateTime<Utc>) -> Vec<ReportStatus> {
    let account = caller.require(Resource::DiagnosticReport, Right::Update).ok();
    let Some(writer) = account.and_then(|account| account.staff_id) else { return Vec::new() };
    let stage = Stage::from(report.clone());
    if let Stage::Open(open) = &stage
        && open.held_from(writer, now).is_some()
    {
        return Vec::new();
    }
    // Releasing and what comes after it is signed; the rest is writing.
    let signs = caller.holds("policy:report.sign");
    stage.next().into_iter().filter(|next| signs || !next.is_released()).collect()
}
