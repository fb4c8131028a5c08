//! What billings and money are. No IO.

mod billing;
mod money;

pub use billing::{Billing, ChargeItemStatus, CurrencyTotal, PaymentState};
pub use money::{CurrencyCode, Money, MoneyError};
