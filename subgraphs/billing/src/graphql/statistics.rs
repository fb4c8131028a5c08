//! Sums, a line for each currency: two currencies are never added.

use async_graphql::{Context, Object, SimpleObject};
use healthbridge_graphql::{Date, Time, caller, now, service};
use healthbridge_outcome::Fault;

use super::money::{CurrencyCode, Money};
use crate::{domain, service::Statistics};

/// The sums that all lines have.
#[derive(SimpleObject)]
pub(super) struct Sums {
    /// The currency.
    currency: CurrencyCode,
    /// What was charged.
    charged: Money,
    /// Discounts and deductions.
    discounts: Money,
    /// The sum of taxes.
    tax: Money,
    /// What is owed: charged, less discounts, plus tax.
    net: Money,
    /// The sum of payments.
    paid: Money,
    /// The sum of refunds.
    refunded: Money,
    /// What is still to be paid: net, less paid, plus refunded.
    outstanding: Money,
    /// How many billings are owed: those made, less those taken back.
    item_count: i64,
}

impl From<&domain::Sums> for Sums {
    fn from(sums: &domain::Sums) -> Self {
        Self {
            currency: CurrencyCode(sums.currency),
            charged: sums.charged.into(),
            discounts: sums.discounts.into(),
            tax: sums.tax.into(),
            net: sums.net.into(),
            paid: sums.paid.into(),
            refunded: sums.refunded.into(),
            outstanding: sums.outstanding.into(),
            item_count: sums.item_count,
        }
    }
}

/// What was charged, paid and refunded within a time, in one currency, by the ledger.
#[derive(SimpleObject)]
pub(super) struct BillingStatistics {
    #[graphql(flatten)]
    sums: Sums,
}

/// A month's revenue in one currency.
#[derive(SimpleObject)]
pub(crate) struct MonthlyRevenue {
    /// The month's first day (UTC).
    month: Date,
    /// The currency.
    currency: CurrencyCode,
    /// What was charged, less discounts, without taxes.
    revenue: Money,
    /// Payments received, less refunds.
    received: Money,
}

/// What is outstanding in one currency, by the days since the service was given.
#[derive(SimpleObject)]
pub(crate) struct AgedReceivables {
    /// The currency.
    currency: CurrencyCode,
    /// 0 to 30 days.
    days_0_to_30: Money,
    /// 31 to 60 days.
    days_31_to_60: Money,
    /// 61 to 90 days.
    days_61_to_90: Money,
    /// More than 90 days.
    days_over_90: Money,
    /// When these numbers were computed.
    as_of: Time,
}

impl From<domain::MonthlyRevenue> for MonthlyRevenue {
    fn from(month: domain::MonthlyRevenue) -> Self {
        let currency = CurrencyCode(month.revenue.currency());
        Self { month: Date(month.month), currency, revenue: month.revenue.into(), received: month.received.into() }
    }
}

impl AgedReceivables {
    pub(crate) fn new(aged: domain::AgedReceivables, as_of: Time) -> Self {
        Self {
            currency: CurrencyCode(aged.currency),
            days_0_to_30: aged.to_30_days.into(),
            days_31_to_60: aged.to_60_days.into(),
            days_61_to_90: aged.to_90_days.into(),
            days_over_90: aged.over_90_days.into(),
            as_of,
        }
    }
}

/// What billings come to, over all patients.
#[derive(Default)]
pub(super) struct StatisticsQuery;

#[Object]
impl StatisticsQuery {
    /// What moved in a time, by the ledger, a line for each currency; since the beginning where nothing is given.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn billing_statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Recorded then or later.")] from: Option<Time>,
        #[graphql(desc = "Recorded before.")] to: Option<Time>,
    ) -> Result<Option<Vec<BillingStatistics>>, Fault> {
        let (from, to) = (from.map(Into::into), to.map(Into::into));
        let sums = service::<Statistics>(ctx).moved(caller(ctx), from, to).await?;
        Ok(Some(sums.iter().map(|sums| BillingStatistics { sums: sums.into() }).collect()))
    }

    /// The revenue of the last months, the present one included, a line for each month and currency in which something
    /// moved.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn monthly_revenue(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 12, desc = "How many months, 1 to 120.")] months: i32,
    ) -> Result<Option<Vec<MonthlyRevenue>>, Fault> {
        let months = u32::try_from(months).ok().filter(|months| (1..=120).contains(months));
        let months = months.ok_or_else(|| Fault::BadInput("`months` is 1 to 120".to_owned()))?;
        let revenue = service::<Statistics>(ctx).monthly_revenue(caller(ctx), months, now()).await?;
        Ok(Some(revenue.into_iter().map(MonthlyRevenue::from).collect()))
    }

    /// What is outstanding now, by the days since the service was given, a line for each currency.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn aged_receivables(&self, ctx: &Context<'_>) -> Result<Option<Vec<AgedReceivables>>, Fault> {
        let now = now();
        let aged = service::<Statistics>(ctx).aged_receivables(caller(ctx), now).await?;
        Ok(Some(aged.into_iter().map(|aged| AgedReceivables::new(aged, now.into())).collect()))
    }
}
