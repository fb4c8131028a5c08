//! What may be done with reports and the log, and by whom.

mod reports;
mod workflow_logs;

pub(crate) use reports::{CreateReport, Reports};
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
