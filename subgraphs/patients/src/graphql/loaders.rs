use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_auth::Caller;
use healthbridge_graphql::{
    ApiError, Loaded,
    batch::{self, One, loader},
};
use uuid::Uuid;

use crate::{
    Service,
    domain::{Account, Patient, Staff},
};

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    patients: Loader<Uuid, One<Patient>, Batch>,
    patients_by_mrn: Loader<String, One<Uuid>, Batch>,
    staff: Loader<Uuid, One<Staff>, Batch>,
    accounts: Loader<Uuid, One<Account>, Batch>,
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
            patients: loader(batch.clone()),
            patients_by_mrn: loader(batch.clone()),
            staff: loader(batch.clone()),
            accounts: loader(batch),
        }
    }

    fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked()
    }

    /// A patient that the caller may read.
    pub(crate) async fn patient(ctx: &Context<'_>, id: Uuid) -> One<Patient> {
        Self::of(ctx).patients.try_load(id).await.map_err(ApiError::internal)?
    }

    /// The id of a patient that the caller may read.
    pub(crate) async fn patient_id_by_mrn(ctx: &Context<'_>, mrn: String) -> Loaded<Option<Uuid>> {
        let found = Self::of(ctx).patients_by_mrn.try_load(mrn).await.map_err(ApiError::internal)?;
        Ok(found?.map(|id| *id))
    }

    /// A member of the staff that the caller may read.
    pub(crate) async fn staff(ctx: &Context<'_>, id: Uuid) -> One<Staff> {
        Self::of(ctx).staff.try_load(id).await.map_err(ApiError::internal)?
    }

    /// An account that the caller may see.
    pub(crate) async fn account(ctx: &Context<'_>, id: Uuid) -> One<Account> {
        Self::of(ctx).accounts.try_load(id).await.map_err(ApiError::internal)?
    }
}

impl BatchFn<Uuid, One<Patient>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Patient>> {
        batch::one(ids, self.service.patients(&self.caller, ids).await, |patient| patient.id)
    }
}

impl BatchFn<String, One<Uuid>> for Batch {
    async fn load(&mut self, mrns: &[String]) -> HashMap<String, One<Uuid>> {
        let found = self.service.patient_ids(&self.caller, mrns).await;
        let found = found.map(|found| found.into_iter().collect::<HashMap<_, _>>());
        let pick =
            |mrn: &String| found.as_ref().map(|found| found.get(mrn).map(|id| Arc::new(*id))).map_err(Clone::clone);
        mrns.iter().map(|mrn| (mrn.clone(), pick(mrn))).collect()
    }
}

impl BatchFn<Uuid, One<Staff>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Staff>> {
        batch::one(ids, self.service.staff(&self.caller, ids).await, |staff| staff.id)
    }
}

impl BatchFn<Uuid, One<Account>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Account>> {
        batch::one(ids, self.service.accounts(&self.caller, ids).await, |account| account.id)
    }
}
