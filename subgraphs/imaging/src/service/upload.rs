use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_objectstore::{Presigned, Stored};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{ContentType, Finding, HEADER_LENGTH, Image, ImageState, Modality, OBJECTS, inspect},
    store::Store,
};

/// How long the URL of an upload works.
pub(super) const UPLOAD_LIFETIME: Duration = Duration::minutes(15);

/// The largest file: what S3 takes in one PUT.
const MAX_BYTES: i64 = 5 * 1024 * 1024 * 1024;

/// DICOM's own codes for body parts.
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// An upload that is asked for, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestUpload {
    pub patient_id: String,
    pub file_name: String,
    pub content_type: String,
    pub byte_size: i64,
    pub sha256: String,
    #[serde(serialize_with = "as_name")]
    pub modality: Modality,
    pub body_site_code: Option<String>,
    pub description: Option<String>,
    pub taken_at: Option<DateTime<Utc>>,
}

fn as_name<S: serde::Serializer>(modality: &Modality, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(<&str>::from(*modality))
}

/// An upload: its image, and the URL while it awaits the bytes.
pub(crate) struct Upload {
    pub image: Image,
    pub put: Option<Presigned>,
}

impl Service {
    /// Allows an upload of exactly these bytes.
    pub(crate) async fn request_upload(
        &self,
        caller: &Caller,
        input: RequestUpload,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Upload>, ApiError> {
        let account = caller.require(Resource::ImagingStudy, Right::Create)?;
        let id = Uuid::now_v7();
        let key = idempotency::Key { key, caller: account.user_id, operation: "requestImageUpload" };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?.into_iter().next();
                return Ok(Ok(self.upload(first.ok_or(ApiError::Unauthorized)?, now).await?));
            }
        };
        let image = match check(&input, account.user_id, now) {
            Ok(image) => Image { id, ..image },
            Err(refused) => return Ok(Err(refused)),
        };
        Store::insert(&mut transaction, &image).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(self.upload(image, now).await?))
    }

    /// The upload of an image, with a URL that works as long as the first one.
    pub(crate) async fn upload(&self, image: Image, now: DateTime<Utc>) -> Result<Upload, ApiError> {
        let rest = (image.upload_expires_at - now).to_std().ok().filter(|rest| rest.as_secs() > 0);
        let put = match rest {
            Some(rest) if image.state == ImageState::AwaitingUpload => {
                let (key, kind) = (&image.object_key, image.content_type.into());
                let put = self.objects.presign_put(key, image.byte_size, kind, &image.sha256, rest, now).await;
                Some(put.map_err(ApiError::internal)?)
            }
            _ => None,
        };
        Ok(Upload { image, put })
    }

    /// Verifies what arrived. Asked again, it gives the same answer.
    pub(crate) async fn complete_upload(
        &self,
        caller: &Caller,
        upload_id: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Image>, ApiError> {
        caller.require(Resource::ImagingStudy, Right::Create)?;
        let refuse = |code, message: &str| Ok(Err(vec![UserError::at("uploadId", code, message)]));
        let found = match upload_id {
            Some(id) => self.store.by_id(&[id], None).await.map_err(ApiError::internal)?.into_iter().next(),
            None => None,
        };
        let Some(image) = found else { return refuse(UserErrorCode::NotFound, "There is no such upload") };
        match image.state {
            ImageState::Ready => return Ok(Ok(image)),
            ImageState::AwaitingUpload => {}
            _ => return refuse(UserErrorCode::UploadExpired, "The upload failed or was given up: request a new one"),
        }
        let Some(stored) = self.objects.stored(&image.object_key).await.map_err(ApiError::internal)? else {
            return if image.upload_expires_at < now {
                refuse(UserErrorCode::UploadExpired, "Nothing arrived in time: request a new upload")
            } else {
                refuse(UserErrorCode::NotFound, "Nothing has arrived: send the bytes to the upload's URL first")
            };
        };
        let verdict = match self.judge(&image, stored).await {
            Ok(verdict) => verdict,
            Err(failure) => return self.settled_meanwhile(image.id, failure).await,
        };
        let state = if verdict.is_none() { ImageState::Ready } else { ImageState::Failed };
        // Whoever moves the row on decides; somebody else may have done so meanwhile, and seen other bytes.
        let settled = self.store.settle_upload(image.id, state, now).await.map_err(ApiError::internal)?;
        match (settled, verdict) {
            (None, _) => self.completed_meanwhile(image.id).await,
            (Some(ready), None) => Ok(Ok(ready)),
            (Some(failed), Some((code, message))) => {
                self.objects.delete(&failed.object_key).await.map_err(ApiError::internal)?;
                refuse(code, message)
            }
        }
    }

    /// What cannot be read may be gone because somebody else has settled the upload: then that is the answer.
    async fn settled_meanwhile(&self, id: Uuid, failure: ApiError) -> Result<Outcome<Image>, ApiError> {
        let found = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?;
        if found.iter().all(|image| image.state == ImageState::AwaitingUpload) {
            return Err(failure);
        }
        self.completed_meanwhile(id).await
    }

    async fn completed_meanwhile(&self, id: Uuid) -> Result<Outcome<Image>, ApiError> {
        let found = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?.into_iter().next();
        let ready = found.filter(|image| image.state == ImageState::Ready);
        let gone = || vec![UserError::at("uploadId", UserErrorCode::UploadExpired, "The upload was given up")];
        Ok(ready.ok_or_else(gone))
    }

    async fn judge(&self, image: &Image, stored: Stored) -> Result<Option<(UserErrorCode, &'static str)>, ApiError> {
        let sha256 = match stored.sha256 {
            Some(digest) => digest,
            None => self.objects.sha256(&image.object_key).await.map_err(ApiError::internal)?,
        };
        if stored.size != image.byte_size || sha256 != image.sha256 {
            return Ok(Some((UserErrorCode::ChecksumMismatch, "Other bytes arrived than were announced")));
        }
        let header = self.objects.first_bytes(&image.object_key, HEADER_LENGTH).await.map_err(ApiError::internal)?;
        Ok(match inspect(image.content_type, &header) {
            Finding::Genuine => None,
            Finding::OtherType => Some((UserErrorCode::ContentTypeMismatch, "The file is not of the announced type")),
            Finding::Program => {
                Some((UserErrorCode::MalwareSuspected, "The file begins like a program, a page or a document"))
            }
        })
    }
}

fn check(input: &RequestUpload, caller: Uuid, now: DateTime<Utc>) -> Outcome<Image> {
    let mut refusals = Refusals::default();
    let patient_id = Uuid::try_parse(&input.patient_id).unwrap_or_else(|_| {
        refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
        Uuid::nil()
    });
    let content_type = input.content_type.parse().unwrap_or_else(|_| {
        let message = "Images are application/dicom, image/png or image/jpeg";
        refusals.add("contentType", UserErrorCode::InvalidFormat, message);
        ContentType::Dicom
    });
    if input.byte_size > MAX_BYTES {
        refusals.add("byteSize", UserErrorCode::FileTooLarge, format!("A file has at most {MAX_BYTES} bytes"));
    } else if input.byte_size < 1 {
        refusals.add("byteSize", UserErrorCode::OutOfRange, "A file has at least one byte");
    }
    let is_digest =
        input.sha256.len() == 64 && input.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_digest {
        refusals.add("sha256", UserErrorCode::InvalidFormat, "A SHA-256 is 64 digits of lower-case hexadecimal");
    }
    if input.taken_at.is_some_and(|taken| taken > now + Duration::days(1)) {
        refusals.add("takenAt", UserErrorCode::OutOfRange, "An image is not taken in the future");
    }
    let file_name = refusals.line("fileName", &input.file_name);
    let description = refusals.optional_line("description", input.description.as_deref());
    let body_site = refusals.optional_line("bodySiteCode", input.body_site_code.as_deref());
    refusals.or(Image {
        id: Uuid::now_v7(),
        patient_id,
        modality: input.modality,
        body_site: body_site.map(|code| Coding { system: DCM.to_owned(), code, display: None, version: None }),
        description,
        file_name,
        content_type,
        byte_size: input.byte_size,
        sha256: input.sha256.clone(),
        object_key: format!("{OBJECTS}{}", Uuid::new_v4()),
        state: ImageState::AwaitingUpload,
        taken_at: input.taken_at,
        uploaded_at: now,
        uploaded_by: caller,
        upload_expires_at: now + UPLOAD_LIFETIME,
        legal_hold: false,
        purge_after: None,
        version: 1,
    })
}
