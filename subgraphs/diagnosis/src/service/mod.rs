//! What may be done with orders, reports and the log, and by whom.

pub(crate) mod orders;
mod reports;
mod signing;
mod workflow_logs;
mod worklists;

pub(crate) use orders::{
    AcknowledgeResult, CompleteAcquisition, OrderImaging, Orders, RevokeOrder, StartReading, StopReading, UpdateOrder,
};
pub(crate) use reports::{CreateReport, Reports};
pub use signing::Signing;
pub(crate) use workflow_logs::{AddWorkflowLog, WorkflowLogs};
pub(crate) use worklists::{Asked, Worklists};
