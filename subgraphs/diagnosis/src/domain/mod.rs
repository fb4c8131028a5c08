//! What appointments, orders, reports, templates and log entries are. No IO.

mod appointment;
mod book;
mod icd10;
mod modality;
mod order;
mod period;
mod report;
mod report_pdf;
mod report_template;
mod workflow_log;
mod working_hours;
mod worklist;

pub use appointment::{Appointment, AppointmentStatus, Step};
pub use book::{Book, Unavailable};
pub use icd10::is_icd10;
pub use modality::is_modality;
pub use order::{ImagingOrder, OrderChange, OrderRefusal, OrderStage, OrderStatus};
pub use period::{Period, merged, without};
pub use report::{
    Acknowledged, Addendum, CriticalPlace, Report, ReportPriority, ReportSignature, ReportStatus, ReportVersion,
    WorkPlace, content, radiology, stage,
};
pub use report_pdf::{REPORT_PDFS, ReportPdf, Standing};
pub use report_template::ReportTemplate;
pub use workflow_log::{Entry, WorkflowAction, WorkflowLog};
pub use working_hours::{ClockTime, Hours, Weekday, WorkingHours, open, whole_days};
pub use worklist::ImagingWorklist;
