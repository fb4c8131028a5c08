//! What may be done with appointments, orders, reports and the log, and by whom.

mod appointments;
pub(crate) mod orders;
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
pub(crate) use reports::{CreateReport, Reports};
pub use signing::Signing;
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
pub(crate) use working_hours::{AllWorkingHours, SetWorkingHours};
pub(crate) use worklists::{Asked, Worklists};
