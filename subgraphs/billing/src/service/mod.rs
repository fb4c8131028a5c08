//! The rules of billings.

mod add_billing;
mod billing_input;
mod change_billing;
mod export;
mod failpoint;
mod import;
mod invoices;
mod payment_amounts;
mod payments;
mod service_items;

use chrono::{DateTime, Datelike, Months, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Page, UserError, UserErrorCode, Window};
use healthbridge_objectstore::ObjectStore;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(crate) use add_billing::AddBilling;
pub(crate) use change_billing::UpdateBilling;
pub use export::ExportError;
pub(crate) use export::Exported;
pub use import::{ForeignBill, ForeignLine, ForeignPayment, Imported, Importer};
pub(crate) use invoices::CreateInvoice;
pub(crate) use payments::{Moved, PayBilling, PayInvoice, RefundPayment};
pub(crate) use service_items::AddServiceItem;

use crate::{
    domain::{AgedReceivables, Billing, CurrencyTotal, Invoice, LedgerEntry, MonthlyRevenue, Occasion, Statistics},
    store::{BillingFilter, InvoiceFilter, Store},
};

/// The subgraph's service.
pub struct Service {
    store: Store,
    objects: ObjectStore,
    /// Turns of the exports.
    exports: Semaphore,
}

impl Service {
    /// A service on this database and storage.
    pub fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { store: Store::new(pool), objects, exports: Semaphore::new(export::AT_ONCE) }
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

    /// The billings for these reports, images and appointments, of those that the caller may read.
    pub(crate) async fn billings_for(&self, caller: &Caller, occasions: &[Occasion]) -> Result<Vec<Billing>, ApiError> {
        match caller.reach(Resource::ChargeItem, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.billings_for(occasions, own).await.map_err(ApiError::internal),
        }
    }

    /// A page of the movements of each of these billings, for whoever may read payments.
    pub(crate) async fn ledgers_of(
        &self,
        caller: &Caller,
        billings: &[Uuid],
        window: &Window<i64>,
    ) -> Result<Vec<(Uuid, LedgerEntry)>, ApiError> {
        if caller.require(Resource::PaymentNotice, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        self.store.ledgers_of(billings, window).await.map_err(ApiError::internal)
    }

    /// The movements with these ids, for whoever may read payments.
    pub(crate) async fn ledger_entries(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<LedgerEntry>, ApiError> {
        if caller.require(Resource::PaymentNotice, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        self.store.ledger_entries(ids).await.map_err(ApiError::internal)
    }

    /// The invoices that the caller may read, of these.
    pub(crate) async fn invoices(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Invoice>, ApiError> {
        match caller.reach(Resource::Invoice, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.invoices_by_id(ids, own).await.map_err(ApiError::internal),
        }
    }

    /// A page of invoices of each of these patients, of those that the caller may read.
    pub(crate) async fn invoices_of(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &InvoiceFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Invoice>, ApiError> {
        let reach = caller.reach(Resource::Invoice, Right::Read);
        let patients: Vec<Uuid> = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        self.store.invoices_of_patients(&patients, filter, window).await.map_err(ApiError::internal)
    }

    /// A page of the invoices that the caller may search.
    pub(crate) async fn search_invoices(
        &self,
        caller: &Caller,
        filter: &InvoiceFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Invoice>, ApiError> {
        caller.require(Resource::Invoice, Right::Search)?;
        let rows = self.store.list_invoices(filter, window).await;
        rows.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }

    /// What moved in a time, by currency.
    pub(crate) async fn statistics(
        &self,
        caller: &Caller,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Statistics>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        self.store.statistics(from, to).await.map_err(ApiError::internal)
    }

    /// The revenue of the last months, the present one included.
    pub(crate) async fn monthly_revenue(
        &self,
        caller: &Caller,
        months: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<MonthlyRevenue>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        let this_month = now.date_naive().with_day(1).unwrap_or(now.date_naive());
        let from = this_month.checked_sub_months(Months::new(months.saturating_sub(1))).unwrap_or(this_month);
        self.store.monthly_revenue(from).await.map_err(ApiError::internal)
    }

    /// What is outstanding now, by age.
    pub(crate) async fn aged_receivables(
        &self,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<Vec<AgedReceivables>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Search)?;
        self.store.aged_receivables(now.date_naive()).await.map_err(ApiError::internal)
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

fn refuse<T>(field: &str, code: UserErrorCode, message: &str) -> Outcome<T> {
    Err(vec![UserError::at(field, code, message)])
}
