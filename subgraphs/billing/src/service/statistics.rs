use chrono::{DateTime, Datelike, Months, Utc};
use healthbridge_outcome::Fault;
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::PgPool;

use crate::{
    domain::{AgedReceivables, MonthlyRevenue, Sums},
    store::statistics,
};

/// Sums over all patients, for whoever may search billings.
pub(crate) struct Statistics(PgPool);

impl Statistics {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// What moved in a time, by currency.
    pub(crate) async fn moved(
        &self,
        caller: &Caller,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Sums>, Fault> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        Ok(statistics::moved(&self.0, from, to).await?)
    }

    /// The revenue of the last months, the present one included.
    pub(crate) async fn monthly_revenue(
        &self,
        caller: &Caller,
        months: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<MonthlyRevenue>, Fault> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        let this_month = now.date_naive().with_day(1).unwrap_or(now.date_naive());
        let from = this_month.checked_sub_months(Months::new(months.saturating_sub(1))).unwrap_or(this_month);
        Ok(statistics::monthly_revenue(&self.0, from).await?)
    }

    /// What is outstanding now, by age.
    pub(crate) async fn aged_receivables(
        &self,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<Vec<AgedReceivables>, Fault> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        Ok(statistics::aged_receivables(&self.0, now.date_naive()).await?)
    }
}
