//! What billings, papers and movements of money are. No IO.

mod billing;
pub(crate) mod charge;
mod export;
mod invoice;
mod movement;
mod payment;
mod price;
mod sealed;
mod service_item;
mod statistics;

pub use billing::{Billing, ChargeItemStatus, Occasion, PaymentState};
pub(crate) use export::{LedgerExport, LedgerLine, OBJECTS, Period, csv_header, csv_lines, export_of, object_key};
pub use invoice::{Invoice, InvoiceKind, InvoiceStatus};
pub use movement::{Account, LedgerEntry, LedgerKind, Movement, PaymentMethod, Recorded};
pub(crate) use payment::{Given, Parts, payable, payable_lines, payable_parts, refundable};
pub use price::{Price, PriceComponent, PriceComponentType, PriceError, Size, Wanted};
pub use sealed::Sealed;
pub use service_item::ServiceItem;
pub(crate) use statistics::{AgedReceivables, CurrencyTotal, MonthlyRevenue, Sums};
