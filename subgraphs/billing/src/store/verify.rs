//! Recomputes from the ledger what is maintained, and finds what differs.

use futures::{TryStreamExt, stream::BoxStream};
use healthbridge_chain::{Checkpoints, VerifyError};
use healthbridge_postgres::unhurried;
use sqlx::{Connection, PgConnection, PgPool};

use super::seals::Ledger;

/// Every difference between the ledger and what is maintained from it, in words. None means that all is well.
///
/// # Errors
/// When the database fails.
pub async fn verify(pool: &PgPool) -> Result<Vec<String>, VerifyError> {
    let mut found = Vec::new();
    verify_each(pool, None, |difference| found.push(difference)).await?;
    Ok(found)
}

/// Tells of each difference between the ledger and what is maintained from it as it is found. A ledger of any size
/// takes no more memory than a small one: it is read as a stream, on a connection of its own that has all the time that it
/// needs. That its end was cut off, together with what knew it, only checkpoints tell.
///
/// # Errors
/// When the database or the file with the checkpoints cannot be read.
pub async fn verify_each(
    pool: &PgPool,
    checkpoints: Option<Checkpoints>,
    mut tell: impl FnMut(String),
) -> Result<(), VerifyError> {
    let mut connection = unhurried(pool).await?;
    // In one snapshot: payments go on meanwhile.
    let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    for check in [sums, orphans, unsealed, chain, ends, balances, billings] {
        let mut differences = check(&mut snapshot);
        while let Some(difference) = differences.try_next().await? {
            tell(difference);
        }
    }
    snapshot.rollback().await?;
    connection.close().await?;
    let tell = |difference| tell(format!("the ledger's chain: {difference}"));
    healthbridge_chain::verify::<Ledger>(pool, checkpoints, tell).await.map(drop)
}

type Differences<'a> = BoxStream<'a, Result<String, sqlx::Error>>;

/// The sides of each movement are nothing together.
fn sums(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"SELECT format('movement %s: its postings come to %s', movement.id, coalesce(sum(posting.amount), 0)) AS "text!"
           FROM billing.movement AS movement LEFT JOIN billing.posting AS posting ON posting.movement_id = movement.id
           GROUP BY movement.id, movement.amount
           HAVING coalesce(sum(posting.amount), 0) <> 0 OR (movement.amount <> 0 AND count(posting.amount) < 2)"#,
    );
    found.fetch(snapshot)
}

/// Each side has its movement.
fn orphans(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"SELECT format('posting %s of movement %s: there is no such movement', place, movement_id) AS "text!"
           FROM billing.posting WHERE NOT EXISTS (SELECT FROM billing.movement WHERE id = movement_id)"#,
    );
    found.fetch(snapshot)
}

/// Each movement has its place in the ledger's chain, or waits for it.
fn unsealed(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"SELECT format('movement %s: it is not in the ledger''s chain', id) AS "text!" FROM billing.movement
           WHERE NOT EXISTS (SELECT FROM billing.ledger_seal WHERE movement_id = id)
             AND NOT EXISTS (SELECT FROM billing.ledger_waiting WHERE movement_id = id)"#,
    );
    found.fetch(snapshot)
}

/// The chain of a balance: each digest is that of the movement at the place before it and its own content, and no place is left out. How a
/// digest is made is written out: nobody is believed who replaces the function that makes it.
fn chain(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"SELECT format('movement %s of patient %s: it, its postings or the movement before it were changed', id,
                         patient_id) AS "text!"
           FROM (SELECT movement.id, movement.patient_id, movement.digest,
                        movement.place = coalesce(lag(movement.place) OVER before, 0) + 1 AS is_in_place,
                        pg_catalog.sha256(coalesce(lag(movement.digest) OVER before, '') || pg_catalog.convert_to(
                            pg_catalog.jsonb_build_array(
                                movement.id, movement.kind, movement.patient_id, movement.currency,
                                pg_catalog.trim_scale(movement.amount), movement.method, movement.reference, movement.reason,
                                movement.reverses_id, movement.recorded_by,
                                extract(epoch FROM movement.recorded_at),
                                (SELECT pg_catalog.jsonb_agg(
                                     pg_catalog.jsonb_build_array(account, billing_id, pg_catalog.trim_scale(amount))
                                     ORDER BY place)
                                 FROM billing.posting WHERE movement_id = movement.id))::text, 'UTF8')) AS expected
                 FROM billing.movement AS movement
                 WINDOW before AS (PARTITION BY movement.patient_id, movement.currency ORDER BY movement.place)) AS checked
           WHERE digest <> expected OR NOT is_in_place"#,
    );
    found.fetch(snapshot)
}

/// Each balance knows the end of its chain.
fn ends(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"SELECT format('patient %s, %s: the ledger has %s movements, the balance knows %s, or the last one is another',
                         balance.patient_id, balance.currency, coalesce(last.place, 0), balance.movements) AS "text!"
           FROM billing.balance AS balance
           LEFT JOIN LATERAL (
               SELECT place, digest FROM billing.movement
               WHERE patient_id = balance.patient_id AND currency = balance.currency ORDER BY place DESC LIMIT 1
           ) AS last ON true
           WHERE (balance.movements, balance.digest) IS DISTINCT FROM (coalesce(last.place, 0), coalesce(last.digest, ''))"#,
    );
    found.fetch(snapshot)
}

/// Each balance is what the movements come to.
fn balances(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"WITH counted AS (
               SELECT patient_id, currency,
                      sum(CASE kind WHEN 'CHARGE' THEN 1 WHEN 'VOID' THEN -1 ELSE 0 END)::integer AS item_count
               FROM billing.movement GROUP BY patient_id, currency),
           posted AS (
               SELECT movement.patient_id, movement.currency,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'REVENUE'), 0) AS charged,
                      coalesce(sum(posting.amount) FILTER (WHERE account = 'DISCOUNT'), 0) AS discounts,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'TAX'), 0) AS tax,
                      coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'PAYMENT'), 0) AS paid,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'REFUND'), 0) AS refunded
               FROM billing.movement AS movement JOIN billing.posting AS posting ON posting.movement_id = movement.id
               GROUP BY movement.patient_id, movement.currency),
           ledger AS (
               SELECT patient_id, currency, coalesce(charged, 0) AS charged, coalesce(discounts, 0) AS discounts,
                      coalesce(tax, 0) AS tax, coalesce(paid, 0) AS paid, coalesce(refunded, 0) AS refunded, item_count
               FROM counted LEFT JOIN posted USING (patient_id, currency))
           SELECT format('patient %s, %s: the balance is %s, the ledger comes to %s',
                         coalesce(balance.patient_id, ledger.patient_id), coalesce(balance.currency, ledger.currency),
                         (balance.charged, balance.discounts, balance.tax, balance.paid, balance.refunded, balance.item_count),
                         (ledger.charged, ledger.discounts, ledger.tax, ledger.paid, ledger.refunded, ledger.item_count)) AS "text!"
           FROM billing.balance AS balance FULL JOIN ledger USING (patient_id, currency)
           WHERE (balance.charged, balance.discounts, balance.tax, balance.paid, balance.refunded, balance.item_count)
               IS DISTINCT FROM (ledger.charged, ledger.discounts, ledger.tax, ledger.paid, ledger.refunded, ledger.item_count)"#,
    );
    found.fetch(snapshot)
}

/// Each billing says of itself what its movements come to, and each that has movements is there.
fn billings(snapshot: &mut PgConnection) -> Differences<'_> {
    let found = sqlx::query_scalar!(
        r#"WITH ledger AS (
               SELECT posting.billing_id AS id,
                      coalesce(sum(posting.amount) FILTER (WHERE kind NOT IN ('PAYMENT', 'REFUND')), 0) AS owed,
                      -coalesce(sum(posting.amount) FILTER (WHERE kind = 'PAYMENT'), 0) AS paid,
                      coalesce(sum(posting.amount) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
               FROM billing.posting AS posting JOIN billing.movement AS movement ON movement.id = posting.movement_id
               WHERE posting.billing_id IS NOT NULL GROUP BY posting.billing_id)
           SELECT format('billing %s: it says %s, the ledger %s', coalesce(billing.id, ledger.id),
                         (CASE WHEN billing.status IN ('BILLABLE', 'BILLED') THEN billing.net ELSE 0 END, billing.paid,
                          billing.refunded),
                         (coalesce(ledger.owed, 0), coalesce(ledger.paid, 0), coalesce(ledger.refunded, 0))) AS "text!"
           FROM billing.billing AS billing FULL JOIN ledger ON ledger.id = billing.id
           WHERE (CASE WHEN billing.status IN ('BILLABLE', 'BILLED') THEN billing.net ELSE 0 END, billing.paid,
                  billing.refunded)
               IS DISTINCT FROM (coalesce(ledger.owed, 0), coalesce(ledger.paid, 0), coalesce(ledger.refunded, 0))"#,
    );
    found.fetch(snapshot)
}
