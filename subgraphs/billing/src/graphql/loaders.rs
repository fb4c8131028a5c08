use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_auth::Caller;
use healthbridge_graphql::{
    ApiError, Page, Window,
    batch::{self, Many, One, loader},
};
use uuid::Uuid;

use crate::{
    Service,
    domain::{Billing, CurrencyTotal, Invoice, LedgerEntry, Occasion},
    store::{BillingFilter, InvoiceFilter},
};

/// A field's arguments: billings of several patients with the same ones are one statement.
type ListArguments = (BillingFilter, Window<Uuid>);

/// A field's arguments: invoices of several patients with the same ones are one statement.
type InvoiceArguments = (InvoiceFilter, Window<Uuid>);

/// A billing, and which page of its movements.
type LedgerOf = (Uuid, Window<i64>);

/// What a billing is for, with the billing.
type For = (Occasion, Arc<Billing>);

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    billings: Loader<Uuid, One<Billing>, Batch>,
    of_patient: Loader<(Uuid, ListArguments), Many<Arc<Billing>>, Batch>,
    totals: Loader<(Uuid, ()), Many<CurrencyTotal>, Batch>,
    ledgers: Loader<LedgerOf, Many<(Uuid, Arc<LedgerEntry>)>, Batch>,
    ledger_entries: Loader<Uuid, One<LedgerEntry>, Batch>,
    invoices: Loader<Uuid, One<Invoice>, Batch>,
    invoices_of: Loader<(Uuid, InvoiceArguments), Many<Arc<Invoice>>, Batch>,
    billings_for: Loader<(Occasion, ()), Many<For>, Batch>,
}

#[derive(Clone)]
struct Batch {
    service: Arc<Service>,
    caller: Caller,
}

impl Loaders {
    pub(crate) fn new(service: &Arc<Service>, caller: &Caller) -> Self {
        let batch = Batch { service: service.clone(), caller: caller.clone() };
        Self {
            billings: loader(batch.clone()),
            of_patient: loader(batch.clone()),
            totals: loader(batch.clone()),
            ledgers: loader(batch.clone()),
            ledger_entries: loader(batch.clone()),
            invoices: loader(batch.clone()),
            invoices_of: loader(batch.clone()),
            billings_for: loader(batch),
        }
    }

    fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked()
    }

    /// A billing that the caller may read.
    pub(crate) async fn billing(ctx: &Context<'_>, id: Uuid) -> One<Billing> {
        Self::of(ctx).billings.try_load(id).await.map_err(ApiError::internal)?
    }

    /// A page of a patient's billings that the caller may read.
    pub(crate) async fn of_patient(
        ctx: &Context<'_>,
        patient: Uuid,
        filter: BillingFilter,
        window: Window<Uuid>,
    ) -> Result<Page<Arc<Billing>>, ApiError> {
        let key = (patient, (filter, window.clone()));
        let rows = Self::of(ctx).of_patient.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.to_vec()))
    }

    /// A page of a billing's movements.
    pub(crate) async fn ledger(
        ctx: &Context<'_>,
        billing: Uuid,
        window: Window<i64>,
    ) -> Result<Page<Arc<LedgerEntry>>, ApiError> {
        let key = (billing, window.clone());
        let rows = Self::of(ctx).ledgers.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.iter().map(|(_, entry)| entry.clone()).collect()))
    }

    /// An invoice that the caller may read.
    pub(crate) async fn invoice(ctx: &Context<'_>, id: Uuid) -> One<Invoice> {
        Self::of(ctx).invoices.try_load(id).await.map_err(ApiError::internal)?
    }

    /// A page of a patient's invoices that the caller may read.
    pub(crate) async fn invoices_of(
        ctx: &Context<'_>,
        patient: Uuid,
        filter: InvoiceFilter,
        window: Window<Uuid>,
    ) -> Result<Page<Arc<Invoice>>, ApiError> {
        let key = (patient, (filter, window.clone()));
        let rows = Self::of(ctx).invoices_of.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.to_vec()))
    }

    /// A movement that the caller may read.
    pub(crate) async fn ledger_entry(ctx: &Context<'_>, id: Uuid) -> One<LedgerEntry> {
        Self::of(ctx).ledger_entries.try_load(id).await.map_err(ApiError::internal)?
    }

    /// The billings for a report, an image or an appointment.
    pub(crate) async fn billings_for(ctx: &Context<'_>, occasion: Occasion) -> Result<Vec<Arc<Billing>>, ApiError> {
        let rows = Self::of(ctx).billings_for.try_load((occasion, ())).await.map_err(ApiError::internal)??;
        Ok(rows.iter().map(|(_, billing)| billing.clone()).collect())
    }

    /// What a patient's billings come to, if the caller may read them.
    pub(crate) async fn totals(ctx: &Context<'_>, patient: Uuid) -> Many<CurrencyTotal> {
        Self::of(ctx).totals.try_load((patient, ())).await.map_err(ApiError::internal)?
    }
}

impl BatchFn<LedgerOf, Many<(Uuid, Arc<LedgerEntry>)>> for Batch {
    async fn load(&mut self, keys: &[LedgerOf]) -> HashMap<LedgerOf, Many<(Uuid, Arc<LedgerEntry>)>> {
        let mut all = HashMap::new();
        for (window, billings) in batch::by_arguments(keys) {
            let rows = self.service.ledgers_of(&self.caller, &billings, &window).await;
            let rows = rows.map(|rows| rows.into_iter().map(|(billing, entry)| (billing, Arc::new(entry))).collect());
            all.extend(batch::many(billings, &window, rows, |(billing, _)| *billing));
        }
        all
    }
}

impl BatchFn<Uuid, One<Invoice>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Invoice>> {
        batch::one(ids, self.service.invoices(&self.caller, ids).await, |invoice| invoice.id)
    }
}

impl BatchFn<(Uuid, InvoiceArguments), Many<Arc<Invoice>>> for Batch {
    async fn load(
        &mut self,
        keys: &[(Uuid, InvoiceArguments)],
    ) -> HashMap<(Uuid, InvoiceArguments), Many<Arc<Invoice>>> {
        let mut all = HashMap::new();
        for (arguments, patients) in batch::by_arguments(keys) {
            let (filter, window) = &arguments;
            let rows = self.service.invoices_of(&self.caller, &patients, filter, window).await;
            let rows = rows.map(|rows| rows.into_iter().map(Arc::new).collect());
            all.extend(batch::many(patients, &arguments, rows, |invoice: &Arc<Invoice>| invoice.patient_id));
        }
        all
    }
}

impl BatchFn<Uuid, One<LedgerEntry>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<LedgerEntry>> {
        batch::one(ids, self.service.ledger_entries(&self.caller, ids).await, |entry| entry.id)
    }
}

impl BatchFn<(Occasion, ()), Many<For>> for Batch {
    async fn load(&mut self, keys: &[(Occasion, ())]) -> HashMap<(Occasion, ()), Many<For>> {
        let occasions: Vec<Occasion> = keys.iter().map(|(occasion, ())| *occasion).collect();
        let rows = self.service.billings_for(&self.caller, &occasions).await;
        let each = |billing: Billing| {
            let billing = Arc::new(billing);
            billing.occasions().map(move |occasion| (occasion, billing.clone()))
        };
        let rows = rows.map(|rows| rows.into_iter().flat_map(each).collect());
        batch::many(occasions, &(), rows, |(occasion, _)| *occasion).into_iter().collect()
    }
}

impl BatchFn<Uuid, One<Billing>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Billing>> {
        batch::one(ids, self.service.billings(&self.caller, ids).await, |billing| billing.id)
    }
}

impl BatchFn<(Uuid, ListArguments), Many<Arc<Billing>>> for Batch {
    async fn load(&mut self, keys: &[(Uuid, ListArguments)]) -> HashMap<(Uuid, ListArguments), Many<Arc<Billing>>> {
        let mut all = HashMap::new();
        for (arguments, patients) in batch::by_arguments(keys) {
            let (filter, window) = &arguments;
            let rows = self.service.billings_of(&self.caller, &patients, filter, window).await;
            let rows = rows.map(|rows| rows.into_iter().map(Arc::new).collect());
            all.extend(batch::many(patients, &arguments, rows, |billing: &Arc<Billing>| billing.patient_id));
        }
        all
    }
}

impl BatchFn<(Uuid, ()), Many<CurrencyTotal>> for Batch {
    async fn load(&mut self, keys: &[(Uuid, ())]) -> HashMap<(Uuid, ()), Many<CurrencyTotal>> {
        let patients: Vec<Uuid> = keys.iter().map(|(patient, ())| *patient).collect();
        let totals = self.service.totals(&self.caller, &patients).await;
        batch::many(patients, &(), totals, |total| total.patient_id).into_iter().collect()
    }
}
