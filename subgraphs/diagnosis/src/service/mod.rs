//! What may be done with appointments, orders, reports and the log, and by whom.

mod appointments;
pub(crate) mod critical_results;
pub(crate) mod orders;
pub(crate) mod people;
pub(crate) mod report_pdfs;
mod report_templates;
mod report_versions;
pub(crate) mod report_words;
mod reports;
mod signing;
mod workflow_logs;
mod working_hours;
mod worklists;

pub(crate) use appointments::{
    Appointments, AskedTime, BookAppointment, SlotsWanted, StepAppointment, UpdateAppointment,
};
pub(crate) use orders::{
    AcknowledgeResult, CompleteAcquisition, OrderImaging, Orders, RevokeOrder, StartReading, StopReading, UpdateOrder,
};
pub use people::{Known, People, PeopleError, Person};
pub use report_pdfs::{Press, PressError, Printing};
pub(crate) use report_pdfs::{Printed, ReportPdfs};
pub(crate) use report_templates::{ReportTemplates, RetireReportTemplate, SaveReportTemplate};
pub(crate) use report_versions::ReportVersions;
pub(crate) use reports::{
    AcknowledgeCritical, AddAddendum, AmendReport, AssignReport, CancelReport, ConfirmReport, CreateReport, Reports,
    UpdateReportDraft, WithdrawReport, allowed,
};
pub use signing::Signing;
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
pub(crate) use working_hours::{AllWorkingHours, SetWorkingHours};
pub(crate) use worklists::{Asked, Worklists};
