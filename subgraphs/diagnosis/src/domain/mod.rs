//! What orders, reports and log entries are. No IO.

mod icd10;
mod modality;
mod order;
mod report;
mod workflow_log;
mod worklist;

pub use icd10::is_icd10;
pub use modality::is_modality;
pub use order::{ImagingOrder, OrderChange, OrderRefusal, OrderStage, OrderStatus};
pub use report::{Report, ReportPriority, ReportStatus};
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
pub use worklist::ImagingWorklist;
