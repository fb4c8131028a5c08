//! The rules of billings.

mod add_billing;

use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Page, Window};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use add_billing::AddBilling;

use crate::{
    domain::{Billing, CurrencyTotal},
    store::{BillingFilter, Store},
};

/// The subgraph's service.
pub struct Service {
    store: Store,
}

impl Service {
    /// A service on this database.
    pub fn new(pool: PgPool) -> Self {
        Self { store: Store::new(pool) }
    }

    /// The billings that the caller may read, of these.
    pub(crate) async fn billings(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Billing>, ApiError> {
        match caller.reach(Resource::ChargeItem, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.by_id(ids, own).await.map_err(ApiError::internal),
        }
    }

    /// A page of billings of each of these patients, of those that the caller may read.
    pub(crate) async fn billings_of(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Billing>, ApiError> {
        let patients = readable(caller, patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        self.store.of_patients(&patients, filter, window).await.map_err(ApiError::internal)
    }

    /// What the billings of these patients come to, of those that the caller may read.
    pub(crate) async fn totals(&self, caller: &Caller, patients: &[Uuid]) -> Result<Vec<CurrencyTotal>, ApiError> {
        let patients = readable(caller, patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        self.store.totals(&patients).await.map_err(ApiError::internal)
    }

    /// A page of the billings that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Billing>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        self.store.list(filter, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }
}

fn readable(caller: &Caller, patients: &[Uuid]) -> Vec<Uuid> {
    let reach = caller.reach(Resource::ChargeItem, Right::Read);
    patients.iter().copied().filter(|patient| reach.covers(*patient)).collect()
}
