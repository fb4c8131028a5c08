use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_postgres::known;
use rust_decimal::Decimal;

use super::{Store, money};
use crate::domain::{AgedReceivables, CurrencyCode, MonthlyRevenue, Statistics};

struct SumRow {
    currency: String,
    charged: Decimal,
    discounts: Decimal,
    tax: Decimal,
    paid: Decimal,
    refunded: Decimal,
    item_count: i64,
}

struct AgedRow {
    currency: String,
    to_30: Decimal,
    to_60: Decimal,
    to_90: Decimal,
    over_90: Decimal,
}

impl Store {
    /// What moved from one moment up to another, by currency.
    pub(crate) async fn statistics(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Statistics>, sqlx::Error> {
        let rows = sqlx::query_as!(
            SumRow,
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
        let sums = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
            let currency: CurrencyCode = known("currency", &row.currency)?;
            let net = row.charged - row.discounts + row.tax;
            Ok(Statistics {
                currency,
                charged: money("charged", row.charged, currency)?,
                discounts: money("discounts", row.discounts, currency)?,
                tax: money("tax", row.tax, currency)?,
                net: money("net", net, currency)?,
                paid: money("paid", row.paid, currency)?,
                refunded: money("refunded", row.refunded, currency)?,
                outstanding: money("outstanding", net - row.paid + row.refunded, currency)?,
                item_count: row.item_count,
            })
        });
        sums.collect()
    }

    /// What was charged and what came in each calendar month (UTC) from one on, the first month first.
    pub(crate) async fn monthly_revenue(&self, from: NaiveDate) -> Result<Vec<MonthlyRevenue>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"SELECT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date AS "month!", movement.currency,
                      -coalesce(sum(posting.amount) FILTER (WHERE account IN ('REVENUE', 'DISCOUNT')), 0) AS "revenue!",
                      coalesce(sum(posting.amount) FILTER (WHERE account = 'CASH'), 0) AS "received!"
               FROM billing.movement AS movement JOIN billing.posting AS posting ON posting.movement_id = movement.id
               WHERE recorded_at >= ($1::date)::timestamp AT TIME ZONE 'UTC'
               GROUP BY 1, 2 ORDER BY 1, 2"#,
            from,
        );
        let months = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
            let currency = known("currency", &row.currency)?;
            let revenue = money("revenue", row.revenue, currency)?;
            Ok(MonthlyRevenue { month: row.month, revenue, received: money("received", row.received, currency)? })
        });
        months.collect()
    }

    /// What is outstanding on a day, by currency and by how many days ago the service was given.
    pub(crate) async fn aged_receivables(&self, on: NaiveDate) -> Result<Vec<AgedReceivables>, sqlx::Error> {
        let rows = sqlx::query_as!(
            AgedRow,
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
        let aged = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
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
}
