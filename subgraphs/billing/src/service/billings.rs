mod add;
mod change;

use chrono::{DateTime, Utc};
use healthbridge_change::{Changes, Making};
use healthbridge_outcome::{Fault, Outcome, Page, Stop, Total, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use super::covered;
use crate::{
    NAME,
    domain::{Billing, CurrencyTotal, Occasion},
    store::{
        billings::{self, BillingFilter},
        statistics,
    },
};

pub(crate) use add::AddBilling;
pub(crate) use change::{UpdateBilling, VoidBilling};

/// What patients are charged.
pub(crate) struct Billings {
    pool: PgPool,
    changes: Changes,
}

impl Billings {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The billings that the caller may read, of these.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Billing>, Fault> {
        match caller.reach(Resource::ChargeItem, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(billings::by_id(&self.pool, ids, own).await?),
        }
    }

    /// The billings for these reports, images and appointments, of those that the caller may read.
    pub(crate) async fn for_occasions(&self, caller: &Caller, occasions: &[Occasion]) -> Result<Vec<Billing>, Fault> {
        match caller.reach(Resource::ChargeItem, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(billings::for_occasions(&self.pool, occasions, own).await?),
        }
    }

    /// A page of billings of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Billing>, Fault> {
        let patients = covered(caller.reach(Resource::ChargeItem, Right::Read), patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(billings::of_patients(&self.pool, &patients, filter, window).await?)
    }

    /// How many billings of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &BillingFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let patients = covered(caller.reach(Resource::ChargeItem, Right::Read), patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(billings::count_of_patients(&self.pool, &patients, filter).await?)
    }

    /// What the billings of these patients come to, of those that the caller may read.
    pub(crate) async fn totals(&self, caller: &Caller, patients: &[Uuid]) -> Result<Vec<CurrencyTotal>, Fault> {
        let patients = covered(caller.reach(Resource::ChargeItem, Right::Read), patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(statistics::totals(&self.pool, &patients).await?)
    }

    /// A page of the billings that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Billing>, Fault> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        Ok(window.page(billings::list(&self.pool, filter, window).await?))
    }

    /// How many billings the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &BillingFilter) -> Result<Total, Fault> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        Ok(billings::count(&self.pool, filter).await?)
    }

    /// Makes a billing. It is owed at once.
    pub(crate) async fn add(
        &self,
        caller: &Caller,
        billing: AddBilling,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Billing> {
        caller.require(Resource::ChargeItem, Right::Create)?;
        self.changes.make_once(&billing, Some(key), caller, now).await
    }

    /// Changes a billing that is on no invoice. What is owed changes with it, by a movement of the difference.
    pub(crate) async fn update(&self, caller: &Caller, update: UpdateBilling, now: DateTime<Utc>) -> Outcome<Billing> {
        caller.require(Resource::ChargeItem, Right::Update)?;
        self.changes.make(&update, caller, now).await
    }

    /// Takes a billing back, as if it had not been made; what was paid for it must be refunded before.
    pub(crate) async fn void(&self, caller: &Caller, void: VoidBilling, now: DateTime<Utc>) -> Outcome<Billing> {
        caller.require(Resource::ChargeItem, Right::Update)?;
        self.changes.make(&void, caller, now).await
    }
}

/// A billing, locked until the change ends.
pub(super) async fn locked(making: &mut Making<'_>, id: &str) -> Outcome<Billing> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => billings::lock(making.connection(), &[id]).await?.into_iter().next(),
        Err(_) => None,
    };
    found.ok_or_else(|| Stop::refuse("billingId", UserErrorCode::NotFound, "There is no such billing"))
}
