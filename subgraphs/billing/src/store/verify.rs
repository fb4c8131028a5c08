//! Recomputes from the ledger what is maintained, and finds what differs.

use sqlx::PgPool;

use super::snapshot;

/// Every difference between the ledger and what is maintained from it, in words. None means that all is well.
///
/// # Errors
/// When the database fails.
pub async fn verify(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let mut found = Vec::new();
    // In one snapshot: payments go on meanwhile.
    let mut transaction = snapshot(pool).await?;
    let sums = sqlx::query_scalar!(
        r#"SELECT format('movement %s: its postings come to %s', movement.id, coalesce(sum(posting.amount), 0)) AS "text!"
           FROM billing.movement AS movement LEFT JOIN billing.posting AS posting ON posting.movement_id = movement.id
           GROUP BY movement.id, movement.amount
           HAVING coalesce(sum(posting.amount), 0) <> 0 OR (movement.amount <> 0 AND count(posting.amount) < 2)"#,
    );
    found.extend(sums.fetch_all(&mut *transaction).await?);
    let orphans = sqlx::query_scalar!(
        r#"SELECT format('posting %s of movement %s: there is no such movement', place, movement_id) AS "text!"
           FROM billing.posting WHERE NOT EXISTS (SELECT FROM billing.movement WHERE id = movement_id)"#,
    );
    found.extend(orphans.fetch_all(&mut *transaction).await?);
    // The chain: each digest is that of the movement before it and its own content.
    let chain = sqlx::query_scalar!(
        r#"SELECT format('movement %s of patient %s: it, its postings or the movement before it were changed', id,
                         patient_id) AS "text!"
           FROM (SELECT movement.id, movement.patient_id, movement.digest,
                        billing.movement_digest(coalesce(lag(movement.digest)
                            OVER (PARTITION BY movement.patient_id, movement.currency ORDER BY movement.seq), ''), movement)
                            AS expected
                 FROM billing.movement AS movement) AS checked
           WHERE digest <> expected"#,
    );
    found.extend(chain.fetch_all(&mut *transaction).await?);
    let ends = sqlx::query_scalar!(
        r#"SELECT format('patient %s, %s: the ledger has %s movements, the balance knows %s, or the last one is another',
                         balance.patient_id, balance.currency, coalesce(last.movements, 0), balance.movements) AS "text!"
           FROM billing.balance AS balance
           LEFT JOIN LATERAL (
               SELECT count(*) OVER () AS movements, digest FROM billing.movement
               WHERE patient_id = balance.patient_id AND currency = balance.currency ORDER BY seq DESC LIMIT 1
           ) AS last ON true
           WHERE (balance.movements, balance.digest) IS DISTINCT FROM (coalesce(last.movements, 0), coalesce(last.digest, ''))"#,
    );
    found.extend(ends.fetch_all(&mut *transaction).await?);
    let balances = sqlx::query_scalar!(
        r#"WITH ledger AS (
               SELECT movement.patient_id, movement.currency,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'REVENUE'), 0) AS charged,
                      coalesce(sum(posting.amount) FILTER (WHERE account = 'DISCOUNT'), 0) AS discounts,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'TAX'), 0) AS tax,
                      coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'PAYMENT'), 0) AS paid,
                      -coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'REFUND'), 0) AS refunded,
                      (count(DISTINCT movement.id) FILTER (WHERE kind = 'CHARGE')
                          - count(DISTINCT movement.id) FILTER (WHERE kind = 'VOID'))::integer AS item_count
               FROM billing.movement AS movement LEFT JOIN billing.posting AS posting ON posting.movement_id = movement.id
               GROUP BY movement.patient_id, movement.currency)
           SELECT format('patient %s, %s: the balance is %s, the ledger comes to %s',
                         coalesce(balance.patient_id, ledger.patient_id), coalesce(balance.currency, ledger.currency),
                         (balance.charged, balance.discounts, balance.tax, balance.paid, balance.refunded, balance.item_count),
                         (ledger.charged, ledger.discounts, ledger.tax, ledger.paid, ledger.refunded, ledger.item_count)) AS "text!"
           FROM billing.balance AS balance FULL JOIN ledger USING (patient_id, currency)
           WHERE (balance.charged, balance.discounts, balance.tax, balance.paid, balance.refunded, balance.item_count)
               IS DISTINCT FROM (ledger.charged, ledger.discounts, ledger.tax, ledger.paid, ledger.refunded, ledger.item_count)"#,
    );
    found.extend(balances.fetch_all(&mut *transaction).await?);
    let billings = sqlx::query_scalar!(
        r#"WITH ledger AS (
               SELECT posting.billing_id AS id,
                      coalesce(sum(posting.amount) FILTER (WHERE kind NOT IN ('PAYMENT', 'REFUND')), 0) AS owed,
                      -coalesce(sum(posting.amount) FILTER (WHERE kind = 'PAYMENT'), 0) AS paid,
                      coalesce(sum(posting.amount) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
               FROM billing.posting AS posting JOIN billing.movement AS movement ON movement.id = posting.movement_id
               WHERE posting.billing_id IS NOT NULL GROUP BY posting.billing_id)
           SELECT format('billing %s: it says %s, the ledger %s', billing.id,
                         (CASE WHEN billing.status IN ('BILLABLE', 'BILLED') THEN billing.net ELSE 0 END, billing.paid,
                          billing.refunded),
                         (coalesce(ledger.owed, 0), coalesce(ledger.paid, 0), coalesce(ledger.refunded, 0))) AS "text!"
           FROM billing.billing AS billing LEFT JOIN ledger ON ledger.id = billing.id
           WHERE (CASE WHEN billing.status IN ('BILLABLE', 'BILLED') THEN billing.net ELSE 0 END, billing.paid,
                  billing.refunded)
               IS DISTINCT FROM (coalesce(ledger.owed, 0), coalesce(ledger.paid, 0), coalesce(ledger.refunded, 0))"#,
    );
    found.extend(billings.fetch_all(&mut *transaction).await?);
    transaction.rollback().await?;
    Ok(found)
}
