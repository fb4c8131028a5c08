//! What may be done with reports and the log, and by whom.

mod reports;
mod signing;
mod workflow_logs;

pub(crate) use reports::{CreateReport, Reports};
pub use signing::Signing;
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
