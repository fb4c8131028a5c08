//! What may be done with reports, appointments and the log, and by whom.

mod appointments;
mod reports;
mod signing;
mod workflow_logs;
mod working_hours;

pub(crate) use appointments::{Appointments, Asked, BookAppointment, SlotsWanted, StepAppointment, UpdateAppointment};
pub(crate) use reports::{CreateReport, Reports};
pub use signing::Signing;
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
pub(crate) use working_hours::{AllWorkingHours, SetWorkingHours};
