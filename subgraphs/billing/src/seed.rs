//! Rows made by the program: demo data and benchmarks.

use chrono::{DateTime, Utc};
use healthbridge_postgres::copy::Rows;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::{Billing, Money};

/// A payment of a billing.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Our id.
    pub id: Uuid,
    /// What was paid.
    pub billing_id: Uuid,
    /// How much.
    pub amount: Money,
    /// Who took it.
    pub recorded_by: Uuid,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// Loads the rows that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn load(pool: &PgPool, billings: &[Billing], payments: &[Payment]) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut rows = Rows::default();
    for one in billings {
        rows.value(one.id).value(one.patient_id).optional(one.report_id).optional(one.image_id);
        rows.value(&one.description).value(one.quantity).value(one.unit_price.amount()).value(one.net.currency());
        rows.value(one.net.amount()).value(<&str>::from(one.status)).value(one.serviced_at.to_rfc3339());
        rows.value(one.created_at.to_rfc3339()).value(one.created_by).end_row();
    }
    let columns = "id, patient_id, report_id, image_id, description, quantity, unit_price, currency, net, status, \
                   serviced_at, created_at, created_by";
    rows.load(&mut connection, "billing.billing", columns).await?;
    let mut rows = Rows::default();
    for one in payments {
        rows.value(one.id).value(one.billing_id).value("PAYMENT").value(one.amount.amount());
        rows.value(one.amount.currency()).value("CARD").value(one.recorded_by).value(one.recorded_at.to_rfc3339());
        rows.end_row();
    }
    let columns = "id, billing_id, kind, amount, currency, method, recorded_by, recorded_at";
    rows.load(&mut connection, "billing.ledger_entry", columns).await.map(drop)
}
