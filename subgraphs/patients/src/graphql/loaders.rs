use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_auth::Caller;
use healthbridge_graphql::{
    ApiError, Loaded, Page, Window,
    batch::{self, Many, One, loader},
};
use uuid::Uuid;

use crate::{
    Service,
    domain::{Account, Patient, RecordVersion, Staff},
};

/// A record, and which page of its changes.
type VersionsOf = (Uuid, Window<i32>);

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    patients: Loader<Uuid, One<Patient>, Batch>,
    patients_by_mrn: Loader<String, One<Uuid>, Batch>,
    staff: Loader<Uuid, One<Staff>, Batch>,
    accounts: Loader<Uuid, One<Account>, Batch>,
    accounts_of: Loader<Uuid, One<Account>, OfPerson>,
    versions: Loader<VersionsOf, Many<(Uuid, RecordVersion)>, Batch>,
}

#[derive(Clone)]
struct Batch {
    service: Arc<Service>,
    caller: Caller,
}

/// Loads accounts by the person they belong to.
#[derive(Clone)]
struct OfPerson(Batch);

impl Loaders {
    pub(crate) fn new(service: &Arc<Service>, caller: &Caller) -> Self {
        let batch = Batch { service: service.clone(), caller: caller.clone() };
        Self {
            patients: loader(batch.clone()),
            patients_by_mrn: loader(batch.clone()),
            staff: loader(batch.clone()),
            accounts: loader(batch.clone()),
            accounts_of: loader(OfPerson(batch.clone())),
            versions: loader(batch),
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

    /// The account of a patient or a member of the staff, if the caller may see it.
    pub(crate) async fn account_of(ctx: &Context<'_>, person: Uuid) -> One<Account> {
        Self::of(ctx).accounts_of.try_load(person).await.map_err(ApiError::internal)?
    }

    /// A page of a record's changes.
    pub(crate) async fn versions(
        ctx: &Context<'_>,
        record: Uuid,
        window: Window<i32>,
    ) -> Result<Page<RecordVersion>, ApiError> {
        let key = (record, window.clone());
        let rows = Self::of(ctx).versions.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.iter().map(|(_, version)| version.clone()).collect()))
    }

    /// An account that the caller may see.
    pub(crate) async fn account(ctx: &Context<'_>, id: Uuid) -> One<Account> {
        Self::of(ctx).accounts.try_load(id).await.map_err(ApiError::internal)?
    }
}

impl BatchFn<Uuid, One<Account>> for OfPerson {
    async fn load(&mut self, people: &[Uuid]) -> HashMap<Uuid, One<Account>> {
        let found = self.0.service.accounts_of(&self.0.caller, people).await;
        // A person may have an account of either kind.
        batch::one(people, found, |account| account.patient_id.or(account.staff_id).unwrap_or_default())
    }
}

impl BatchFn<VersionsOf, Many<(Uuid, RecordVersion)>> for Batch {
    async fn load(&mut self, keys: &[VersionsOf]) -> HashMap<VersionsOf, Many<(Uuid, RecordVersion)>> {
        let mut all = HashMap::new();
        for (window, records) in batch::by_arguments(keys) {
            let rows = self.service.versions(&self.caller, &records, &window).await;
            all.extend(batch::many(records, &window, rows, |(record, _)| *record));
        }
        all
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
