//! All SQL of the subgraph, a module for each aggregate.

pub(crate) mod billings;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod invoices;
pub(crate) mod ledger;
mod seals;
pub(crate) mod service_items;
pub(crate) mod statistics;
mod verify;

use healthbridge_terms::{Coded, CurrencyCode, Money};
use rust_decimal::Decimal;

pub use seals::Ledger;
pub use verify::{verify, verify_each};

fn money(column: &str, amount: Decimal, currency: CurrencyCode) -> Result<Money, sqlx::Error> {
    let money = Money::new(amount, currency);
    money.map_err(|source| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) })
}

fn texts<T: Coded>(codes: &[T]) -> Vec<String> {
    codes.iter().map(|code| code.text().to_owned()).collect()
}
