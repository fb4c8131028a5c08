//! Sums over all patients, a line for each currency: two currencies are never added.

use async_graphql::SimpleObject;
use healthbridge_graphql::{Date, Time};

use super::scalar::{CurrencyCode, Money};
use crate::domain;

/// What moved in a time, in one currency, by the ledger.
#[derive(SimpleObject)]
pub(crate) struct BillingStatistics {
    /// The currency.
    currency: CurrencyCode,
    /// What was charged.
    charged: Money,
    /// Discounts and deductions.
    discounts: Money,
    /// Taxes.
    tax: Money,
    /// Charged, less discounts, plus tax.
    net: Money,
    /// What came.
    paid: Money,
    /// What went back.
    refunded: Money,
    /// What remains of all that: net, less paid, plus refunded.
    outstanding: Money,
    /// Billings made, less those taken back.
    item_count: i64,
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
    /// What came, less what went back.
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
    /// When it was computed.
    as_of: Time,
}

impl From<domain::Statistics> for BillingStatistics {
    fn from(sums: domain::Statistics) -> Self {
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
