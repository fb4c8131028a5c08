use std::time::Duration as Lifetime;

use chrono::{DateTime, Duration, Utc};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_objectstore::ObjectStore;
use healthbridge_outcome::{Fault, Outcome, Page, Presigned, Refusals, Stop, Total, UserErrorCode, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    NAME,
    domain::{Disposition, Image, ImageState},
    store::images::{self, ImageFilter},
};

/// How long the bytes of a deleted image are kept.
const RETENTION: Duration = Duration::days(30);

/// Longest life of a URL for reading, in seconds.
const MAX_LIFETIME: i32 = 3600;

/// The medical images.
pub(crate) struct Images {
    pool: PgPool,
    objects: ObjectStore,
    changes: Changes,
}

impl Images {
    pub(crate) fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, objects }
    }

    /// The images that the caller may read, of these. A patient sees the own ones that are ready.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Image>, Fault> {
        let Some(own) = caller.reach(Resource::ImagingStudy, Right::Read).confine() else { return Ok(Vec::new()) };
        let mut images = images::by_id(&self.pool, ids, own).await?;
        images.retain(|image| image.state != ImageState::Deleted);
        Ok(images)
    }

    /// A page of images of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ImageFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Image>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(images::of_patients(&self.pool, &patients, &filter, window).await?)
    }

    /// How many images of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ImageFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(images::count_of_patients(&self.pool, &patients, &filter).await?)
    }

    /// A page of the images that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &ImageFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Image>, Fault> {
        caller.require(Resource::ImagingStudy, Right::Search)?;
        Ok(window.page(images::list(&self.pool, filter, window).await?))
    }

    /// How many images the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ImageFilter) -> Result<Total, Fault> {
        caller.require(Resource::ImagingStudy, Right::Search)?;
        Ok(images::count(&self.pool, filter).await?)
    }

    /// A URL that reads one image, whom the caller was shown. Made without asking anybody.
    pub(crate) async fn download_url(
        &self,
        image: &Image,
        seconds: i32,
        disposition: Disposition,
        now: DateTime<Utc>,
    ) -> Result<Option<Presigned>, Fault> {
        let lifetime = u64::try_from(seconds).ok().filter(|_| (1..=MAX_LIFETIME).contains(&seconds));
        let Some(lifetime) = lifetime.map(Lifetime::from_secs) else {
            return Err(Fault::BadInput(format!("`expiresInSeconds` is 1 to {MAX_LIFETIME}")));
        };
        if image.state != ImageState::Ready {
            return Ok(None);
        }
        let header = disposition.header(&image.file_name);
        let url =
            self.objects.presign_get(&image.object_key, image.content_type.into(), &header, lifetime, now).await?;
        Ok(Some(url))
    }

    /// Takes an image out of every list; its bytes are removed after the retention.
    pub(crate) async fn delete(
        &self,
        caller: &Caller,
        deletion: DeleteImage,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Deleted> {
        caller.require(Resource::ImagingStudy, Right::Delete)?;
        self.changes.make_once(&deletion, key, caller, now).await
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

/// A deletion as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeleteImage {
    pub image_id: String,
    pub reason: String,
    pub expected_version: Option<i32>,
}

/// What was deleted.
pub(crate) struct Deleted {
    pub image_id: Uuid,
    pub purge_after: Option<DateTime<Utc>>,
}

impl Change for DeleteImage {
    const NAME: &'static str = "deleteImage";
    type Made = Deleted;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Deleted> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.reason);
        refusals.or(())?;
        let (id, by, now) = (making.id, making.user_id(), making.now);
        let found = images::lock(making.connection(), id).await?;
        let Some(image) = found.filter(|image| image.state != ImageState::Deleted) else {
            return Err(Stop::refuse("imageId", UserErrorCode::NotFound, "There is no such image"));
        };
        if image.legal_hold {
            return Err(Stop::refuse("imageId", UserErrorCode::LegalHold, "The image is under legal hold"));
        }
        if self.expected_version.is_some_and(|version| version != image.version) {
            let message = "The image was changed meanwhile: read it again";
            return Err(Stop::refuse("expectedVersion", UserErrorCode::VersionConflict, message));
        }
        let purge_after = now + RETENTION;
        images::delete(making.connection(), id, by, &reason, now, purge_after).await?;
        Ok(Deleted { image_id: id, purge_after: Some(purge_after) })
    }
}

impl Once for DeleteImage {
    /// The image's own; what is no id of ours is nobody's.
    fn id(&self) -> Uuid {
        Uuid::try_parse(&self.image_id).unwrap_or_default()
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Deleted>, Fault> {
        let image = images::by_id(connection, &[id], None).await?.into_iter().next();
        Ok(image.map(|image| Deleted { image_id: id, purge_after: image.purge_after }))
    }
}
