//! What may be done with reports and the log, and by whom.

pub(crate) mod critical_results;
mod report_templates;
mod report_versions;
pub(crate) mod report_words;
mod reports;
mod workflow_logs;

pub(crate) use report_templates::{ReportTemplates, RetireReportTemplate, SaveReportTemplate};
pub(crate) use report_versions::ReportVersions;
pub(crate) use reports::{
    AcknowledgeCritical, AssignReport, CancelReport, CreateReport, Reports, UpdateReportDraft, allowed,
};
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
