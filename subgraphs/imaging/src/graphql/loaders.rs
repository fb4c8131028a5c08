use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_auth::Caller;
use healthbridge_graphql::{
    ApiError, Page, Window,
    batch::{self, Many, One, loader},
};
use uuid::Uuid;

use crate::{Service, domain::Image, store::ImageFilter};

/// A field's arguments: images of several patients with the same ones are one statement.
type ListArguments = (ImageFilter, Window<Uuid>);

/// The loaders of one request, with its caller's rights.
pub(crate) struct Loaders {
    images: Loader<Uuid, One<Image>, Batch>,
    of_patient: Loader<(Uuid, ListArguments), Many<Arc<Image>>, Batch>,
    count_of_patient: Loader<(Uuid, ImageFilter), Many<i64>, Batch>,
}

#[derive(Clone)]
struct Batch {
    service: Arc<Service>,
    caller: Caller,
}

impl Loaders {
    pub(crate) fn new(service: &Arc<Service>, caller: &Caller) -> Self {
        let batch = Batch { service: service.clone(), caller: caller.clone() };
        Self { images: loader(batch.clone()), of_patient: loader(batch.clone()), count_of_patient: loader(batch) }
    }

    fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked()
    }

    /// An image that the caller may read.
    pub(crate) async fn image(ctx: &Context<'_>, id: Uuid) -> One<Image> {
        Self::of(ctx).images.try_load(id).await.map_err(ApiError::internal)?
    }

    /// A page of a patient's images that the caller may read.
    pub(crate) async fn of_patient(
        ctx: &Context<'_>,
        patient: Uuid,
        filter: ImageFilter,
        window: Window<Uuid>,
    ) -> Result<Page<Arc<Image>>, ApiError> {
        let key = (patient, (filter, window.clone()));
        let rows = Self::of(ctx).of_patient.try_load(key).await.map_err(ApiError::internal)??;
        Ok(window.page(rows.to_vec()))
    }

    /// How many of a patient's images the caller may read.
    pub(crate) async fn count_of_patient(
        ctx: &Context<'_>,
        patient: Uuid,
        filter: ImageFilter,
    ) -> Result<i64, ApiError> {
        let counts = Self::of(ctx).count_of_patient.try_load((patient, filter)).await.map_err(ApiError::internal)??;
        Ok(counts.first().copied().unwrap_or_default())
    }
}

impl BatchFn<Uuid, One<Image>> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, One<Image>> {
        batch::one(ids, self.service.images(&self.caller, ids).await, |image| image.id)
    }
}

impl BatchFn<(Uuid, ListArguments), Many<Arc<Image>>> for Batch {
    async fn load(&mut self, keys: &[(Uuid, ListArguments)]) -> HashMap<(Uuid, ListArguments), Many<Arc<Image>>> {
        let mut all = HashMap::new();
        for (arguments, patients) in batch::by_arguments(keys) {
            let (filter, window) = &arguments;
            let rows = self.service.images_of(&self.caller, &patients, filter, window).await;
            let rows = rows.map(|rows| rows.into_iter().map(Arc::new).collect());
            all.extend(batch::many(patients, &arguments, rows, |image: &Arc<Image>| image.patient_id));
        }
        all
    }
}

impl BatchFn<(Uuid, ImageFilter), Many<i64>> for Batch {
    async fn load(&mut self, keys: &[(Uuid, ImageFilter)]) -> HashMap<(Uuid, ImageFilter), Many<i64>> {
        let mut all = HashMap::new();
        for (filter, patients) in batch::by_arguments(keys) {
            let counts = self.service.count_of(&self.caller, &patients, &filter).await;
            let counted = batch::many(patients, &filter, counts, |(patient, _)| *patient);
            let plain = |counts: Many<(Uuid, i64)>| counts.map(|rows| Arc::new(rows.iter().map(|(_, n)| *n).collect()));
            all.extend(counted.into_iter().map(|(key, counts)| (key, plain(counts))));
        }
        all
    }
}
