use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{BigInt, Code, Presigned, Time, UserError, caller, entity, now, parse_id, service, settled};
use healthbridge_outcome::Fault;
use healthbridge_rights::{Resource, Right};
use uuid::Uuid;

use super::image::{ImageById, MedicalImage};
use crate::{
    domain::{Image, ImageState, Modality},
    service::{RequestUpload, Upload, Uploads},
};

/// An upload: the client sends the bytes to `put`, then calls `completeImageUpload`.
pub(crate) struct ImageUpload {
    image: Arc<Image>,
    put: Option<Presigned>,
}

impl From<Upload> for ImageUpload {
    fn from(upload: Upload) -> Self {
        Self { image: Arc::new(upload.image), put: upload.put.map(Into::into) }
    }
}

/// An upload: the client sends the bytes to `put`, then calls `completeImageUpload`.
#[Object]
impl ImageUpload {
    /// The upload's id, which is its image's.
    async fn id(&self) -> ID {
        self.image.id.into()
    }

    /// The state of the image that is being uploaded.
    async fn state(&self) -> Code<ImageState> {
        Code(self.image.state)
    }

    /// Where to PUT the bytes, in one request with these headers; null once the upload ended.
    async fn put(&self) -> Option<&Presigned> {
        self.put.as_ref()
    }

    /// The time by which the upload must be completed.
    async fn expires_at(&self) -> Time {
        self.image.upload_expires_at.into()
    }

    /// The image that the upload is for.
    async fn image(&self) -> MedicalImage {
        MedicalImage(self.image.clone())
    }
}

/// How uploads are found.
#[derive(Default)]
pub(super) struct UploadQuery;

#[Object]
impl UploadQuery {
    /// An upload, with a URL while it awaits the bytes.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn image_upload(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ImageUpload>, Fault> {
        caller(ctx).require(Resource::ImagingStudy, Right::Create)?;
        let Some(image) = entity::<ImageById>(ctx, &id).await? else { return Ok(None) };
        let upload = service::<Uploads>(ctx).of_image(Arc::unwrap_or_clone(image), now()).await?;
        Ok(Some(upload.into()))
    }
}

/// A file that is to be uploaded. Its size, type and checksum are signed into the URL: nothing else can be sent to it.
#[derive(InputObject)]
pub(crate) struct RequestImageUploadInput {
    /// The patient whom the image shows.
    patient_id: ID,
    /// The imaging order that the image is acquired for. `completeAcquisition` tells the order of it, and
    /// `images(filter: { orderId })` finds it before. Whether there is such an order is not looked at here.
    order_id: Option<ID>,
    /// The file's name.
    file_name: String,
    /// The media type: `application/dicom`, `image/png` or `image/jpeg`.
    content_type: String,
    /// The size of the file in bytes, at most 5 GiB.
    byte_size: BigInt,
    /// SHA-256 of the bytes, 64 digits of lower-case hexadecimal.
    sha256: String,
    /// The modality: how the image was acquired.
    modality: Code<Modality>,
    /// The part of the body that the image shows, a DICOM code.
    body_site_code: Option<String>,
    /// What the image shows, in the sender's words.
    description: Option<String>,
    /// When the image was acquired.
    taken_at: Option<Time>,
    /// Sent again with the same key and input, the mutation gives the same upload.
    idempotency_key: Uuid,
}

impl From<RequestImageUploadInput> for RequestUpload {
    fn from(input: RequestImageUploadInput) -> Self {
        Self {
            patient_id: input.patient_id.0,
            order_id: input.order_id.map(|id| id.0),
            file_name: input.file_name,
            content_type: input.content_type,
            byte_size: input.byte_size.0,
            sha256: input.sha256,
            modality: input.modality.0,
            body_site_code: input.body_site_code,
            description: input.description,
            taken_at: input.taken_at.map(Into::into),
        }
    }
}

/// An upload whose bytes were sent.
#[derive(InputObject)]
pub(crate) struct CompleteImageUploadInput {
    /// The upload.
    upload_id: ID,
}

/// An upload, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ImageUploadPayload {
    /// The upload.
    upload: Option<ImageUpload>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// An image, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ImagePayload {
    /// The image.
    image: Option<MedicalImage>,
    /// Why the input was refused.
    user_errors: Vec<UserError>,
}

/// What is done with uploads.
#[derive(Default)]
pub(super) struct UploadMutation;

#[Object]
impl UploadMutation {
    /// Step 1 of an upload: gives a presigned URL for the bytes, straight to the object storage.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn request_image_upload(
        &self,
        ctx: &Context<'_>,
        input: RequestImageUploadInput,
    ) -> Result<Option<ImageUploadPayload>, Fault> {
        let key = input.idempotency_key;
        let outcome = service::<Uploads>(ctx).request(caller(ctx), input.into(), key, now()).await;
        let (upload, user_errors) = settled(outcome)?;
        Ok(Some(ImageUploadPayload { upload: upload.map(Into::into), user_errors }))
    }

    /// Step 2 of an upload: verifies size, SHA-256 and type of what arrived. The image is READY then. Errors
    /// `CHECKSUM_MISMATCH`, `CONTENT_TYPE_MISMATCH`, `MALWARE_SUSPECTED`, `UPLOAD_EXPIRED` end the upload.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn complete_image_upload(
        &self,
        ctx: &Context<'_>,
        input: CompleteImageUploadInput,
    ) -> Result<Option<ImagePayload>, Fault> {
        let outcome = service::<Uploads>(ctx).complete(caller(ctx), parse_id(&input.upload_id), now()).await;
        let (image, user_errors) = settled(outcome)?;
        Ok(Some(ImagePayload { image: image.map(|image| MedicalImage(Arc::new(image))), user_errors }))
    }
}
