use chrono::NaiveDate;
use healthbridge_terms::{CurrencyCode, Money};
use uuid::Uuid;

/// What was charged and what moved, in one currency.
#[derive(Clone, Debug)]
pub struct Sums {
    /// The currency.
    pub currency: CurrencyCode,
    /// What was charged.
    pub charged: Money,
    /// What was taken off.
    pub discounts: Money,
    /// The sum of taxes.
    pub tax: Money,
    /// Charged, less discounts, plus tax.
    pub net: Money,
    /// What came.
    pub paid: Money,
    /// What went back.
    pub refunded: Money,
    /// What remains of all that.
    pub outstanding: Money,
    /// Billings made, less those taken back.
    pub item_count: i64,
}

/// What a patient's billings in one currency come to.
#[derive(Clone, Debug)]
pub struct CurrencyTotal {
    /// The patient.
    pub patient_id: Uuid,
    /// The sums of the billings that are owed.
    pub sums: Sums,
}

/// A month's revenue in one currency.
#[derive(Clone, Debug)]
pub struct MonthlyRevenue {
    /// The month's first day.
    pub month: NaiveDate,
    /// What was charged, less discounts, without taxes.
    pub revenue: Money,
    /// Payments received, less refunds.
    pub received: Money,
}

/// What is outstanding in one currency, by age.
#[derive(Clone, Debug)]
pub struct AgedReceivables {
    /// The currency.
    pub currency: CurrencyCode,
    /// 0 to 30 days old.
    pub to_30_days: Money,
    /// 31 to 60 days old.
    pub to_60_days: Money,
    /// 61 to 90 days old.
    pub to_90_days: Money,
    /// Older.
    pub over_90_days: Money,
}
