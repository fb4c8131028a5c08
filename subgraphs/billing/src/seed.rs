//! Rows made by the program: demo data and benchmarks.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use healthbridge_postgres::copy::{Loader, Rows};
use healthbridge_terms::{Coded, Money};
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::{Billing, Movement, PaymentMethod, Recorded};

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

/// Loads the rows that are not there yet, with their movements.
///
/// # Errors
/// When the database refuses.
pub async fn load(pool: &PgPool, billings: &[Billing], payments: &[Payment]) -> Result<(), sqlx::Error> {
    let mut loader = Loader::begin(pool).await?;
    let ids: Vec<Uuid> = billings.iter().map(|one| one.id).chain(payments.iter().map(|one| one.id)).collect();
    let there = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM billing.billing WHERE id = ANY($1)
           UNION ALL SELECT id FROM billing.movement WHERE id = ANY($1)"#,
        &ids,
    );
    let there: HashSet<Uuid> = there.fetch_all(loader.connection()).await?.into_iter().collect();
    let mut rows = Rows::default();
    let mut movements = Vec::new();
    for one in billings.iter().filter(|one| !there.contains(&one.id)) {
        let price = &one.price;
        rows.value(one.id).value(one.patient_id).optional(one.report_id).optional(one.image_id);
        rows.value(&one.description).value(one.quantity).value(one.unit_price.amount()).value(price.net.currency());
        rows.value(price.charged.amount()).value(price.discounts.amount()).value(price.tax.amount());
        rows.value(price.net.amount()).value(one.status.text()).value(one.serviced_at.to_rfc3339());
        rows.value(one.created_at.to_rfc3339()).value(one.created_by).end_row();
        movements.push(Movement::charge(one, Recorded { by: one.created_by, at: one.created_at }));
    }
    let columns = "id, patient_id, report_id, image_id, description, quantity, unit_price, currency, charged, discounts, \
                   tax, net, status, serviced_at, created_at, created_by";
    loader.load(rows, "billing.billing", columns).await?;
    let by_id: HashMap<Uuid, &Billing> = billings.iter().map(|one| (one.id, one)).collect();
    for one in payments.iter().filter(|one| !there.contains(&one.id)) {
        let Some(billing) = by_id.get(&one.billing_id) else { continue };
        let recorded = Recorded { by: one.recorded_by, at: one.recorded_at };
        let payment = Movement::payment(billing, one.amount, PaymentMethod::Card, recorded);
        movements.push(Movement { id: one.id, ..payment });
    }
    load_movements(&mut loader, &movements).await?;
    loader.commit().await
}

async fn load_movements(loader: &mut Loader, movements: &[Movement]) -> Result<(), sqlx::Error> {
    let (mut postings, mut rows) = (Rows::default(), Rows::default());
    for one in movements {
        for ((account, amount), place) in one.postings.iter().zip(1..) {
            postings.value(one.id).value(place).value(account.text()).optional(account.billing());
            postings.value(amount.amount()).end_row();
        }
        rows.value(one.id).value(one.kind.text()).value(one.patient_id).value(one.amount.currency());
        rows.value(one.amount.amount()).optional(one.method.map(Coded::text)).value(one.recorded_by);
        rows.value(one.recorded_at.to_rfc3339()).end_row();
    }
    loader.load(postings, "billing.posting", "movement_id, place, account, billing_id, amount").await?;
    let columns = "id, kind, patient_id, currency, amount, method, recorded_by, recorded_at";
    loader.load(rows, "billing.movement", columns).await.map(drop)
}
