//! What appointments, orders, reports and log entries are. No IO.

mod appointment;
mod book;
mod icd10;
mod modality;
mod order;
mod period;
mod report;
mod workflow_log;
mod working_hours;
mod worklist;

pub use appointment::{Appointment, AppointmentStatus, Step};
pub use book::{Book, Unavailable};
pub use icd10::is_icd10;
pub use modality::is_modality;
pub use order::{ImagingOrder, OrderChange, OrderRefusal, OrderStage, OrderStatus};
pub use period::{Period, merged, without};
pub use report::{Report, ReportPriority, ReportStatus};
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
pub use working_hours::{ClockTime, Hours, Weekday, WorkingHours, open, whole_days};
pub use worklist::ImagingWorklist;
