//! All SQL of the subgraph.

mod billings;
mod export;
mod imports;
mod invoices;
mod ledger;
mod service_items;
mod statistics;
mod verify;

use healthbridge_graphql::Coding;
use rust_decimal::Decimal;
use sqlx::{PgPool, Postgres, Transaction};

pub(crate) use billings::BillingFilter;
pub(crate) use export::Written;
pub(crate) use invoices::{InvoiceFilter, Issue, NewInvoice};
pub(crate) use service_items::ServiceItemFilter;
pub use verify::{verify, verify_each};

use crate::domain::{CurrencyCode, Money};

/// The subgraph's tables.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// A transaction that reads the same rows however often, and writes none.
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
}

fn money(column: &str, amount: Decimal, currency: CurrencyCode) -> Result<Money, sqlx::Error> {
    let money = Money::new(amount, currency);
    money.map_err(|source| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) })
}

/// A component of a price as it is kept.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct StoredComponent {
    #[serde(rename = "type")]
    pub kind: crate::domain::PriceComponentType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<Decimal>,
    pub amount: Decimal,
}
