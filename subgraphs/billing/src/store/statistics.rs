use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_postgres::known;
use rust_decimal::Decimal;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::money;
use crate::domain::{AgedReceivables, CurrencyTotal, MonthlyRevenue, Sums};

/// The sums of charged, discounts, tax, paid and refunded.
fn sums(currency: &str, amounts: [Decimal; 5], item_count: i64) -> Result<Sums, sqlx::Error> {
    let currency = known("currency", currency)?;
    let [charged, discounts, tax, paid, refunded] = amounts;
    let net = charged - discounts + tax;
    Ok(Sums {
        currency,
        charged: money("charged", charged, currency)?,
        discounts: money("discounts", discounts, currency)?,
        tax: money("tax", tax, currency)?,
        net: money("net", net, currency)?,
        paid: money("paid", paid, currency)?,
        refunded: money("refunded", refunded, currency)?,
        outstanding: money("outstanding", net - paid + refunded, currency)?,
        item_count,
    })
}

/// What the billings of these patients come to: a maintained row for each patient and currency, however many billings
/// there are.
pub(crate) async fn totals(db: impl PgExecutor<'_>, patients: &[Uuid]) -> Result<Vec<CurrencyTotal>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT patient_id, currency, charged, discounts, tax, paid, refunded, item_count
         FROM billing.balance WHERE patient_id = ANY($1) ORDER BY patient_id, currency",
        patients,
    );
    let totals = rows.fetch_all(db).await?.into_iter().map(|row| {
        let amounts = [row.charged, row.discounts, row.tax, row.paid, row.refunded];
        let sums = sums(&row.currency, amounts, row.item_count.into())?;
        Ok(CurrencyTotal { patient_id: row.patient_id, sums })
    });
    totals.collect()
}

/// What moved from one moment up to another, by currency.
pub(crate) async fn moved(
    db: impl PgExecutor<'_>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<Vec<Sums>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT movement.currency,
                  -coalesce(sum(posting.amount) FILTER (WHERE account = 'REVENUE'), 0) AS "charged!",
                  coalesce(sum(posting.amount) FILTER (WHERE account = 'DISCOUNT'), 0) AS "discounts!",
                  -coalesce(sum(posting.amount) FILTER (WHERE account = 'TAX'), 0) AS "tax!",
                  coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'PAYMENT'), 0) AS "paid!",
                  -coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH' AND kind = 'REFUND'), 0) AS "refunded!",
                  count(DISTINCT movement.id) FILTER (WHERE kind = 'CHARGE')
                      - count(DISTINCT movement.id) FILTER (WHERE kind = 'VOID') AS "item_count!"
           FROM billing.movement AS movement LEFT JOIN billing.posting AS posting ON posting.movement_id = movement.id
           WHERE ($1::timestamptz IS NULL OR recorded_at >= $1) AND ($2::timestamptz IS NULL OR recorded_at < $2)
           GROUP BY movement.currency ORDER BY movement.currency"#,
        from,
        to,
    );
    let all =
        rows.fetch_all(db).await?.into_iter().map(|row| {
            sums(&row.currency, [row.charged, row.discounts, row.tax, row.paid, row.refunded], row.item_count)
        });
    all.collect()
}

/// What was charged and what came in each calendar month (UTC) from one on, the first month first.
pub(crate) async fn monthly_revenue(
    db: impl PgExecutor<'_>,
    from: NaiveDate,
) -> Result<Vec<MonthlyRevenue>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date AS "month!", movement.currency,
                  -coalesce(sum(posting.amount) FILTER (WHERE account IN ('REVENUE', 'DISCOUNT')), 0) AS "revenue!",
                  coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH'), 0) AS "received!"
           FROM billing.movement AS movement JOIN billing.posting AS posting ON posting.movement_id = movement.id
           WHERE recorded_at >= ($1::date)::timestamp AT TIME ZONE 'UTC'
           GROUP BY 1, 2 ORDER BY 1, 2"#,
        from,
    );
    let months = rows.fetch_all(db).await?.into_iter().map(|row| {
        let currency = known("currency", &row.currency)?;
        let revenue = money("revenue", row.revenue, currency)?;
        Ok(MonthlyRevenue { month: row.month, revenue, received: money("received", row.received, currency)? })
    });
    months.collect()
}

/// What is outstanding on a day, by currency and by how many days ago the service was given.
pub(crate) async fn aged_receivables(
    db: impl PgExecutor<'_>,
    on: NaiveDate,
) -> Result<Vec<AgedReceivables>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT currency,
                  coalesce(sum(open) FILTER (WHERE days <= 30), 0) AS "to_30!",
                  coalesce(sum(open) FILTER (WHERE days BETWEEN 31 AND 60), 0) AS "to_60!",
                  coalesce(sum(open) FILTER (WHERE days BETWEEN 61 AND 90), 0) AS "to_90!",
                  coalesce(sum(open) FILTER (WHERE days > 90), 0) AS "over_90!"
           FROM (SELECT currency, net - paid + refunded AS open,
                        $1::date - (serviced_at AT TIME ZONE 'UTC')::date AS days
                 FROM billing.billing
                 WHERE status IN ('BILLABLE', 'BILLED') AND payment_state <> 'PAID') AS receivable
           GROUP BY currency ORDER BY currency"#,
        on,
    );
    let aged = rows.fetch_all(db).await?.into_iter().map(|row| {
        let currency = known("currency", &row.currency)?;
        Ok(AgedReceivables {
            currency,
            to_30_days: money("to_30", row.to_30, currency)?,
            to_60_days: money("to_60", row.to_60, currency)?,
            to_90_days: money("to_90", row.to_90, currency)?,
            over_90_days: money("over_90", row.over_90, currency)?,
        })
    });
    aged.collect()
}
