//! What billings and money are. No IO.

mod billing;
mod export;
mod invoice;
mod money;
mod movement;
mod price;
mod service_item;
mod statistics;

pub use billing::{Billing, ChargeItemStatus, CurrencyTotal, Occasion, PaymentState};
pub use export::{LedgerExport, LedgerLine, OBJECTS, Period, csv_header, csv_lines, export_of, object_key};
pub use invoice::{Invoice, InvoiceKind, InvoiceStatus};
pub use money::{CurrencyCode, Money, MoneyError};
pub use movement::{Account, LedgerEntry, LedgerKind, Movement, PaymentMethod, Recorded};
pub use price::{Price, PriceComponent, PriceComponentType, PriceError, Size, Wanted};
pub use service_item::ServiceItem;
pub use statistics::{AgedReceivables, MonthlyRevenue, Statistics};
