//! What reports and log entries are. No IO.

mod report;
mod workflow_log;

pub use report::{Report, ReportPriority, ReportStatus};
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
