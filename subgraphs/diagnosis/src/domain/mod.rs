//! What reports, templates and log entries are. No IO.

mod report;
mod report_pdf;
mod report_template;
mod workflow_log;

pub use report::{
    Acknowledged, Addendum, CriticalPlace, Report, ReportPriority, ReportSignature, ReportStatus, ReportVersion,
    WorkPlace, content, radiology, stage,
};
pub use report_pdf::{REPORT_PDFS, ReportPdf, Standing};
pub use report_template::ReportTemplate;
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
