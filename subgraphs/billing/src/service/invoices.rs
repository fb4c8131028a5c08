mod cancel;
mod create;
mod issue;

use chrono::{DateTime, Datelike, Utc};
use healthbridge_change::{Changes, Making};
use healthbridge_outcome::{Fault, Outcome, Page, Stop, Total, UserError, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::covered;
use crate::{
    NAME,
    domain::Invoice,
    store::invoices::{self, InvoiceFilter},
};

pub(crate) use cancel::CancelInvoice;
pub(crate) use create::CreateInvoice;
pub(crate) use issue::IssueInvoice;

/// Invoices and credit notes.
pub(crate) struct Invoices {
    pool: PgPool,
    changes: Changes,
}

impl Invoices {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The invoices that the caller may read, of these.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Invoice>, Fault> {
        match caller.reach(Resource::Invoice, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(invoices::by_id(&self.pool, ids, own).await?),
        }
    }

    /// A page of invoices of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &InvoiceFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Invoice>, Fault> {
        let patients = covered(caller.reach(Resource::Invoice, Right::Read), patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(invoices::of_patients(&self.pool, &patients, filter, window).await?)
    }

    /// How many invoices of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &InvoiceFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let patients = covered(caller.reach(Resource::Invoice, Right::Read), patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(invoices::count_of_patients(&self.pool, &patients, filter).await?)
    }

    /// A page of the invoices that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &InvoiceFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Invoice>, Fault> {
        caller.require(Resource::Invoice, Right::Search)?;
        Ok(window.page(invoices::list(&self.pool, filter, window).await?))
    }

    /// How many invoices the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &InvoiceFilter) -> Result<Total, Fault> {
        caller.require(Resource::Invoice, Right::Search)?;
        Ok(invoices::count(&self.pool, filter).await?)
    }

    /// Puts billings of a patient in one currency on a draft.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        invoice: CreateInvoice,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Invoice> {
        caller.require(Resource::Invoice, Right::Create)?;
        self.changes.make_once(&invoice, Some(key), caller, now).await
    }

    /// Issues a draft: it gets the next number, and what stands in it no longer changes.
    pub(crate) async fn issue(&self, caller: &Caller, issue: IssueInvoice, now: DateTime<Utc>) -> Outcome<Invoice> {
        caller.require(Resource::Invoice, Right::Update)?;
        self.changes.make(&issue, caller, now).await
    }

    /// Cancels an invoice. An issued one is taken back by a credit note; what was paid stays with its billings, which can be
    /// put on another invoice. Gives the invoice, and the credit note if there is one.
    pub(crate) async fn cancel(
        &self,
        caller: &Caller,
        cancel: CancelInvoice,
        now: DateTime<Utc>,
    ) -> Outcome<(Invoice, Option<Invoice>)> {
        caller.require(Resource::Invoice, Right::Update)?;
        self.changes.make(&cancel, caller, now).await
    }
}

/// An invoice, locked until the change ends.
pub(super) async fn locked(making: &mut Making<'_>, id: &str) -> Outcome<Invoice> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => invoices::lock(making.connection(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Stop::refuse("invoiceId", UserErrorCode::NotFound, "There is no such invoice"))
}

/// An invoice of the version that the caller saw, locked until the change ends.
async fn locked_at(making: &mut Making<'_>, id: &str, expected_version: i32) -> Outcome<Invoice> {
    let invoice = locked(making, id).await?;
    if invoice.version == expected_version { Ok(invoice) } else { Err(UserError::version_conflict().into()) }
}

/// An invoice as it is now.
pub(super) async fn present(connection: &mut PgConnection, id: Uuid) -> Result<Invoice, Fault> {
    invoices::by_id(connection, &[id], None).await?.into_iter().next().ok_or(Fault::Forbidden)
}

/// The next number of a series in this year. Last of all: whoever wants a number waits for this change from here on.
async fn next_number(making: &mut Making<'_>, series: &str) -> Result<String, Fault> {
    let year = making.now.year();
    let next = invoices::next_number(making.connection(), series, year).await?;
    Ok(format!("{series}-{year}-{next:06}"))
}
