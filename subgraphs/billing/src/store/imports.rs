use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Lets one import at a time write: two would both find a bill missing.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let locked = sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('billing import', 0))");
    locked.execute(connection).await.map(drop)
}

/// The billings that these bills became, in the order of their lines.
pub(crate) async fn bills(
    connection: &mut PgConnection,
    sources: &[String],
) -> Result<HashMap<String, Vec<Uuid>>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT source, billing_id FROM billing.imported_bill WHERE source = ANY($1) ORDER BY source, place",
        sources,
    );
    let mut bills: HashMap<String, Vec<Uuid>> = HashMap::new();
    for row in rows.fetch_all(connection).await? {
        bills.entry(row.source).or_default().push(row.billing_id);
    }
    Ok(bills)
}

/// Those of these payments that were taken over.
pub(crate) async fn payments(
    connection: &mut PgConnection,
    sources: &[String],
) -> Result<HashSet<String>, sqlx::Error> {
    let rows = sqlx::query_scalar!("SELECT source FROM billing.imported_payment WHERE source = ANY($1)", sources);
    Ok(rows.fetch_all(connection).await?.into_iter().collect())
}

/// Notes which billings a bill became.
pub(crate) async fn insert_bill(
    connection: &mut PgConnection,
    source: &str,
    billings: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.imported_bill (source, place, billing_id, imported_at)
         SELECT $1, place, billing_id, $3 FROM unnest($2::uuid[]) WITH ORDINALITY AS line (billing_id, place)",
        source,
        billings,
        now,
    );
    inserted.execute(connection).await.map(drop)
}

/// Notes which movement a payment became.
pub(crate) async fn insert_payment(
    connection: &mut PgConnection,
    source: &str,
    movement: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.imported_payment (source, movement_id, imported_at) VALUES ($1, $2, $3)",
        source,
        movement,
        now,
    );
    inserted.execute(connection).await.map(drop)
}
