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
    domain::{Billing, CurrencyTotal},
    store::BillingFilter,
};

/// A field's arguments: billings of several patients with the same ones are one statement.
type ListArguments = (BillingFilter, Window<Uuid>);

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    billings: Loader<Uuid, One<Billing>, Batch>,
    of_patient: Loader<(Uuid, ListArguments), Many<Arc<Billing>>, Batch>,
    totals: Loader<(Uuid, ()), Many<CurrencyTotal>, Batch>,
}

#[derive(Clone)]
struct Batch {
    service: Arc<Service>,
    caller: Caller,
}

impl Loaders {
    pub(crate) fn new(service: &Arc<Service>, caller: &Caller) -> Self {
        let batch = Batch { service: service.clone(), caller: caller.clone() };
        Self { billings: loader(batch.clone()), of_patient: loader(batch.clone()), totals: loader(batch) }
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

    /// What a patient's billings come to, if the caller may read them.
    pub(crate) async fn totals(ctx: &Context<'_>, patient: Uuid) -> Many<CurrencyTotal> {
        Self::of(ctx).totals.try_load((patient, ())).await.map_err(ApiError::internal)?
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
