//! The rules of images and uploads.

mod delete;
mod download;
mod sweep;
mod upload;

use healthbridge_auth::{Caller, Reach, Resource, Right};
use healthbridge_graphql::{ApiError, Page, Window};
use healthbridge_objectstore::ObjectStore;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use delete::DeleteImage;
pub(crate) use download::Disposition;
pub(crate) use upload::{RequestUpload, Upload};

use crate::{
    domain::{Image, ImageState},
    store::{ImageFilter, Store},
};

/// The subgraph's service.
pub struct Service {
    store: Store,
    objects: ObjectStore,
}

impl Service {
    /// A service on this database and storage.
    pub fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { store: Store::new(pool), objects }
    }

    /// The images that the caller may read, of these. A patient sees the own ones that are ready.
    pub(crate) async fn images(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Image>, ApiError> {
        match caller.reach(Resource::ImagingStudy, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => {
                let mut images = self.store.by_id(ids, own).await.map_err(ApiError::internal)?;
                images.retain(|image| image.state != ImageState::Deleted);
                Ok(images)
            }
        }
    }

    /// A page of images of each of these patients, of those that the caller may read.
    pub(crate) async fn images_of(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ImageFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Image>, ApiError> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        self.store.of_patients(&patients, &filter, window).await.map_err(ApiError::internal)
    }

    /// How many images of each of these patients the caller may read.
    pub(crate) async fn count_of(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ImageFilter,
    ) -> Result<Vec<(Uuid, i64)>, ApiError> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        self.store.count_of_patients(&patients, &filter).await.map_err(ApiError::internal)
    }

    /// A page of the images that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &ImageFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Image>, ApiError> {
        caller.require(Resource::ImagingStudy, Right::Search)?;
        self.store.list(filter, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }

    /// How many images the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ImageFilter) -> Result<i64, ApiError> {
        caller.require(Resource::ImagingStudy, Right::Search)?;
        self.store.count(filter).await.map_err(ApiError::internal)
    }
}

/// Which of these patients' images the caller reads, and which of them: a patient sees what is ready.
fn visible(caller: &Caller, patients: &[Uuid], filter: &ImageFilter) -> (Vec<Uuid>, ImageFilter) {
    let reach = caller.reach(Resource::ImagingStudy, Right::Read);
    let patients = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
    let mut filter = filter.clone();
    if reach != Reach::Everyone {
        filter.states.retain(|state| *state == ImageState::Ready);
    }
    (patients, filter)
}
