use chrono::{DateTime, Duration, Utc};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_objectstore::{ObjectStore, Stored};
use healthbridge_outcome::{Checked, Fault, Outcome, Presigned, Refusals, Stop, UserErrorCode};
use healthbridge_rights::{Caller, Resource, Right};
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    NAME,
    domain::{ContentType, Finding, HEADER_LENGTH, Image, ImageState, Modality, OBJECTS, inspect},
    store::images,
};

/// How long the URL of an upload works.
pub(super) const UPLOAD_LIFETIME: Duration = Duration::minutes(15);

/// The largest file: what S3 takes in one PUT.
const MAX_BYTES: i64 = 5 * 1024 * 1024 * 1024;

/// DICOM's own codes for body parts.
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// The uploads of images.
pub(crate) struct Uploads {
    pool: PgPool,
    objects: ObjectStore,
    changes: Changes,
}

/// An upload: its image, and the URL while it awaits the bytes.
pub(crate) struct Upload {
    pub image: Image,
    pub put: Option<Presigned>,
}

/// What is wrong with the bytes that arrived.
type Flaw = (UserErrorCode, &'static str);

impl Uploads {
    pub(crate) fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, objects }
    }

    /// Allows an upload of exactly these bytes.
    pub(crate) async fn request(
        &self,
        caller: &Caller,
        upload: RequestUpload,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Upload> {
        caller.require(Resource::ImagingStudy, Right::Create)?;
        let image = self.changes.make_once(&upload, Some(key), caller, now).await?;
        Ok(self.of_image(image, now).await?)
    }

    /// The upload of an image, with a URL that works as long as the first one.
    pub(crate) async fn of_image(&self, image: Image, now: DateTime<Utc>) -> Result<Upload, Fault> {
        let rest = (image.upload_expires_at - now).to_std().ok().filter(|rest| rest.as_secs() > 0);
        let put = match rest {
            Some(rest) if image.state == ImageState::AwaitingUpload => {
                let (key, kind) = (&image.object_key, image.content_type.into());
                let put = self.objects.presign_put(key, image.byte_size, kind, &image.sha256, rest, now).await?;
                Some(put)
            }
            _ => None,
        };
        Ok(Upload { image, put })
    }

    /// Verifies what arrived. Asked again, it gives the same answer.
    pub(crate) async fn complete(
        &self,
        caller: &Caller,
        upload_id: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Image> {
        caller.require(Resource::ImagingStudy, Right::Create)?;
        let refuse = |code, message| Err(Stop::refuse("uploadId", code, message));
        let found = match upload_id {
            Some(id) => self.image(id).await?,
            None => None,
        };
        let Some(image) = found else { return refuse(UserErrorCode::NotFound, "There is no such upload") };
        match image.state {
            ImageState::Ready => return Ok(image),
            ImageState::AwaitingUpload => {}
            _ => return refuse(UserErrorCode::UploadExpired, "The upload failed or was given up: request a new one"),
        }
        let Some(stored) = self.objects.stored(&image.object_key).await? else {
            return if image.upload_expires_at < now {
                refuse(UserErrorCode::UploadExpired, "Nothing arrived in time: request a new upload")
            } else {
                refuse(UserErrorCode::NotFound, "Nothing has arrived: send the bytes to the upload's URL first")
            };
        };
        let flaw = match self.judge(&image, stored).await {
            Ok(flaw) => flaw,
            Err(failure) => return self.settled_meanwhile(image.id, failure).await,
        };
        let state = if flaw.is_none() { ImageState::Ready } else { ImageState::Failed };
        // Whoever moves the row on decides; somebody else may have done so meanwhile, and seen other bytes.
        match (images::settle(&self.pool, image.id, state, now).await?, flaw) {
            (None, _) => ready(self.image(image.id).await?),
            (Some(ready), None) => Ok(ready),
            (Some(failed), Some((code, message))) => {
                self.objects.delete(&failed.object_key).await?;
                refuse(code, message)
            }
        }
    }

    /// What cannot be read may be gone because somebody else has settled the upload: then that is the answer.
    async fn settled_meanwhile(&self, id: Uuid, failure: Fault) -> Outcome<Image> {
        let found = self.image(id).await?;
        if found.as_ref().is_none_or(|image| image.state == ImageState::AwaitingUpload) {
            return Err(failure.into());
        }
        ready(found)
    }

    async fn image(&self, id: Uuid) -> Result<Option<Image>, Fault> {
        Ok(images::by_id(&self.pool, &[id], None).await?.into_iter().next())
    }

    async fn judge(&self, image: &Image, stored: Stored) -> Result<Option<Flaw>, Fault> {
        let sha256 = match stored.sha256 {
            Some(digest) => digest,
            None => self.objects.sha256(&image.object_key).await?,
        };
        if stored.size != image.byte_size || sha256 != image.sha256 {
            return Ok(Some((UserErrorCode::ChecksumMismatch, "Other bytes arrived than were announced")));
        }
        let header = self.objects.first_bytes(&image.object_key, HEADER_LENGTH).await?;
        Ok(match inspect(image.content_type, &header) {
            Finding::Genuine => None,
            Finding::OtherType => Some((UserErrorCode::ContentTypeMismatch, "The file is not of the announced type")),
            Finding::Program => {
                Some((UserErrorCode::MalwareSuspected, "The file begins like a program, a page or a document"))
            }
        })
    }
}

/// The answer where somebody else has settled the upload.
fn ready(found: Option<Image>) -> Outcome<Image> {
    let ready = found.filter(|image| image.state == ImageState::Ready);
    ready.ok_or_else(|| Stop::refuse("uploadId", UserErrorCode::UploadExpired, "The upload was given up"))
}

/// An upload that is asked for, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestUpload {
    pub patient_id: String,
    // Left out where there is none, as it was before there were orders: keys of then stay good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    pub file_name: String,
    pub content_type: String,
    pub byte_size: i64,
    pub sha256: String,
    pub modality: Modality,
    pub body_site_code: Option<String>,
    pub description: Option<String>,
    pub taken_at: Option<DateTime<Utc>>,
}

impl Change for RequestUpload {
    const NAME: &'static str = "requestImageUpload";
    type Made = Image;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Image> {
        let image = self.check(making.id, making.user_id(), making.now)?;
        images::insert(making.connection(), &image).await?;
        Ok(image)
    }
}

impl Once for RequestUpload {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Image>, Fault> {
        Ok(images::by_id(connection, &[id], None).await?.into_iter().next())
    }
}

impl RequestUpload {
    fn check(&self, id: Uuid, uploaded_by: Uuid, now: DateTime<Utc>) -> Checked<Image> {
        let mut refusals = Refusals::default();
        let patient_id = Uuid::try_parse(&self.patient_id).unwrap_or_else(|_| {
            refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
            Uuid::nil()
        });
        let order_id = self.order_id.as_deref().map(Uuid::try_parse).transpose().unwrap_or_else(|_| {
            refusals.add("orderId", UserErrorCode::NotFound, "There is no such order");
            None
        });
        let content_type = self.content_type.parse().unwrap_or_else(|_| {
            let message = "Images are application/dicom, image/png or image/jpeg";
            refusals.add("contentType", UserErrorCode::InvalidFormat, message);
            ContentType::Dicom
        });
        if self.byte_size > MAX_BYTES {
            refusals.add("byteSize", UserErrorCode::FileTooLarge, format!("A file has at most {MAX_BYTES} bytes"));
        } else if self.byte_size < 1 {
            refusals.add("byteSize", UserErrorCode::OutOfRange, "A file has at least one byte");
        }
        let is_digest =
            self.sha256.len() == 64 && self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            refusals.add("sha256", UserErrorCode::InvalidFormat, "A SHA-256 is 64 digits of lower-case hexadecimal");
        }
        if self.taken_at.is_some_and(|taken| taken > now + Duration::days(1)) {
            refusals.add("takenAt", UserErrorCode::OutOfRange, "An image is not taken in the future");
        }
        let file_name = refusals.line("fileName", &self.file_name);
        let description = refusals.optional_line("description", self.description.as_deref());
        let body_site = refusals.optional_line("bodySiteCode", self.body_site_code.as_deref());
        refusals.or(Image {
            id,
            patient_id,
            order_id,
            modality: self.modality,
            body_site: body_site.map(|code| Coding { system: DCM.to_owned(), code, display: None, version: None }),
            description,
            file_name,
            content_type,
            byte_size: self.byte_size,
            sha256: self.sha256.clone(),
            object_key: format!("{OBJECTS}{}", Uuid::new_v4()),
            state: ImageState::AwaitingUpload,
            taken_at: self.taken_at,
            uploaded_at: now,
            uploaded_by,
            upload_expires_at: now + UPLOAD_LIFETIME,
            legal_hold: false,
            purge_after: None,
            version: 1,
        })
    }
}
