//! What reports, appointments and log entries are. No IO.

mod appointment;
mod book;
mod period;
mod report;
mod workflow_log;
mod working_hours;

pub use appointment::{Appointment, AppointmentStatus, Step};
pub use book::{Book, Unavailable};
pub use period::{Period, merged, without};
pub use report::{Report, ReportPriority, ReportStatus};
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
pub use working_hours::{ClockTime, Hours, Weekday, WorkingHours, open, whole_days};
