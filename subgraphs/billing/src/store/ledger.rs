use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::known;
use healthbridge_terms::{Coded, Money};
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::money;
use crate::domain::{LedgerEntry, Movement};

struct Row {
    id: Uuid,
    seq: i64,
    kind: String,
    currency: String,
    amount: Decimal,
    method: Option<String>,
    reference: Option<String>,
    reverses_id: Option<Uuid>,
    recorded_by: Uuid,
    recorded_at: DateTime<Utc>,
}

impl TryFrom<Row> for LedgerEntry {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            seq: row.seq,
            kind: known("kind", &row.kind)?,
            amount: money("amount", row.amount, known("currency", &row.currency)?)?,
            method: row.method.map(|method| known("method", &method)).transpose()?,
            reference: row.reference,
            reverses_id: row.reverses_id,
            recorded_by: row.recorded_by,
            recorded_at: row.recorded_at,
        })
    }
}

/// Writes a movement: its postings, then itself, which the database seals.
pub(crate) async fn insert(connection: &mut PgConnection, movement: &Movement) -> Result<(), sqlx::Error> {
    insert_postings(connection, movement).await?;
    seal(connection, movement).await
}

/// Writes the sides of a movement, which must follow in the same transaction.
pub(crate) async fn insert_postings(connection: &mut PgConnection, movement: &Movement) -> Result<(), sqlx::Error> {
    let sides = || movement.postings.iter();
    let accounts: Vec<String> = sides().map(|(account, _)| account.text().to_owned()).collect();
    let billings: Vec<Option<Uuid>> = sides().map(|(account, _)| account.billing()).collect();
    let amounts: Vec<Decimal> = sides().map(|(_, amount)| amount.amount()).collect();
    let posted = sqlx::query!(
        "INSERT INTO billing.posting (movement_id, place, account, billing_id, amount)
         SELECT $1, side.place, side.account, side.billing_id, side.amount
         FROM unnest($2::text[], $3::uuid[], $4::numeric[]) WITH ORDINALITY
             AS side (account, billing_id, amount, place)",
        movement.id,
        &accounts,
        &billings as _,
        &amounts,
    );
    posted.execute(connection).await.map(drop)
}

/// Writes a movement whose sides are written. The database checks them, and brings billings and balance up to date.
pub(crate) async fn seal(connection: &mut PgConnection, movement: &Movement) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.movement (id, kind, patient_id, currency, amount, method, reference, reason, reverses_id,
             recorded_by, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        movement.id,
        movement.kind.text(),
        movement.patient_id,
        movement.amount.currency().as_str(),
        movement.amount.amount(),
        movement.method.map(Coded::text),
        movement.reference,
        movement.reason,
        movement.reverses_id,
        movement.recorded_by,
        movement.recorded_at,
    );
    inserted.execute(connection).await.map(drop)
}

/// Of each billing one movement more than the page has.
pub(crate) async fn of_billings(
    db: impl PgExecutor<'_>,
    billings: &[Uuid],
    window: &Window<i64>,
) -> Result<Vec<(Uuid, LedgerEntry)>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            sqlx::query!(
                r#"SELECT billing.id AS "billing_id!", found.id AS "id!", found.seq AS "seq!", found.kind AS "kind!",
                          found.currency AS "currency!", found.amount AS "amount!", found.method, found.reference,
                          found.reverses_id, found.recorded_by AS "recorded_by!", found.recorded_at AS "recorded_at!"
                   FROM unnest($1::uuid[]) AS billing (id)
                   CROSS JOIN LATERAL (
                       SELECT movement.* FROM billing.movement AS movement
                       WHERE movement.id IN (SELECT movement_id FROM billing.posting WHERE billing_id = billing.id)
                         AND movement.seq "# + $beyond + " $2 ORDER BY movement.seq " + $order + " LIMIT $3
                   ) AS found
                   ORDER BY billing.id, found.seq " + $order,
                billings,
                window.bound(),
                window.limit(),
            )
            .map(|row| {
                let entry = Row {
                    id: row.id,
                    seq: row.seq,
                    kind: row.kind,
                    currency: row.currency,
                    amount: row.amount,
                    method: row.method,
                    reference: row.reference,
                    reverses_id: row.reverses_id,
                    recorded_by: row.recorded_by,
                    recorded_at: row.recorded_at,
                };
                (row.billing_id, entry)
            })
            .fetch_all(db)
            .await
        };
    }
    let rows = greatest_first!(window, page)?.into_iter();
    rows.map(|(billing, entry)| Ok((billing, LedgerEntry::try_from(entry)?))).collect()
}

/// How many movements each billing has.
pub(crate) async fn count_of_billings(
    db: impl PgExecutor<'_>,
    billings: &[Uuid],
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT billing.id AS "id!", (SELECT count(*) FROM (
               SELECT FROM billing.movement
               WHERE id IN (SELECT movement_id FROM billing.posting WHERE billing_id = billing.id) LIMIT $2
           ) AS found) AS "total!"
           FROM unnest($1::uuid[]) AS billing (id)"#,
        billings,
        Total::LIMIT,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// The movements with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<LedgerEntry>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, seq, kind, currency, amount, method, reference, reverses_id, recorded_by, recorded_at
         FROM billing.movement WHERE id = ANY($1)",
        ids,
    );
    rows.fetch_all(db).await?.into_iter().map(LedgerEntry::try_from).collect()
}

/// The billings that a movement is about.
pub(crate) async fn billings_of_movement(
    connection: &mut PgConnection,
    movement: Uuid,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        r#"SELECT billing_id AS "id!" FROM billing.posting
           WHERE movement_id = $1 AND account = 'RECEIVABLE' ORDER BY place"#,
        movement,
    );
    ids.fetch_all(connection).await
}

/// What is left of a payment on each of its billings, the last billing first.
pub(crate) async fn left(
    connection: &mut PgConnection,
    payment: &LedgerEntry,
) -> Result<Vec<(Uuid, Money)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT paid.billing_id AS "billing_id!",
                  -paid.amount - (SELECT coalesce(sum(back.amount), 0) FROM billing.posting AS back
                                  JOIN billing.movement AS refund ON refund.id = back.movement_id
                                  WHERE refund.reverses_id = paid.movement_id
                                    AND back.billing_id = paid.billing_id) AS "left!"
           FROM billing.posting AS paid
           WHERE paid.movement_id = $1 AND paid.account = 'RECEIVABLE' ORDER BY paid.place DESC"#,
        payment.id,
    );
    let currency = payment.amount.currency();
    let left = rows.fetch_all(connection).await?.into_iter();
    left.map(|row| Ok((row.billing_id, money("left", row.left, currency)?))).collect()
}
