//! What may be done with billings, papers and money, and by whom; and what is removed when its time has
//! come.

mod billings;
mod exports;
mod import;
mod invoices;
mod payments;
mod service_items;
mod statistics;
pub mod sweeps;

use healthbridge_change::Making;
use healthbridge_rights::Reach;
use uuid::Uuid;

pub(crate) use billings::{AddBilling, Billings, UpdateBilling, VoidBilling};
pub(crate) use exports::{ExportLedger, Exported, Exports};
pub use import::{ForeignBill, ForeignLine, ForeignPayment, Imported, Importer};
pub(crate) use invoices::{CancelInvoice, CreateInvoice, Invoices, IssueInvoice};
pub(crate) use payments::{Moved, PayBilling, PayInvoice, Payments, RefundPayment};
pub(crate) use service_items::{AddServiceItem, RetireServiceItem, ServiceItems};
pub(crate) use statistics::Statistics;

use crate::domain::Recorded;

/// Who makes a change, and when.
fn recorded(making: &Making<'_>) -> Recorded {
    Recorded { by: making.user_id(), at: making.now }
}

/// Those of the patients that are within reach.
fn covered(reach: Reach, patients: &[Uuid]) -> Vec<Uuid> {
    patients.iter().copied().filter(|patient| reach.covers(*patient)).collect()
}
