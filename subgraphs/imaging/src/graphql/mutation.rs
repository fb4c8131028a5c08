use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, BigInt, Time, UserError, caller, now, parse_id};
use uuid::Uuid;

use super::{
    image::{MedicalImage, Modality},
    upload::ImageUpload,
};
use crate::{
    Service,
    service::{DeleteImage, RequestUpload},
};

/// The mutations of the subgraph.
pub(crate) struct Mutation;

/// A file that is to be uploaded. Its size, type and checksum are signed into the URL: nothing else can be sent to it.
#[derive(InputObject)]
pub(crate) struct RequestImageUploadInput {
    /// Whose image it is.
    patient_id: ID,
    /// The file's name.
    file_name: String,
    /// The media type: `application/dicom`, `image/png` or `image/jpeg`.
    content_type: String,
    /// The length in bytes, at most 5 GiB.
    byte_size: BigInt,
    /// SHA-256 of the bytes, 64 digits of lower-case hexadecimal.
    sha256: String,
    /// How it was acquired.
    modality: Modality,
    /// The body part, a DICOM code.
    body_site_code: Option<String>,
    /// A description.
    description: Option<String>,
    /// When it was acquired.
    taken_at: Option<Time>,
    /// Sent again with the same key and input, the mutation gives the same upload.
    idempotency_key: Uuid,
}

/// An upload whose bytes were sent.
#[derive(InputObject)]
pub(crate) struct CompleteImageUploadInput {
    /// The upload.
    upload_id: ID,
}

/// An image that is to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteImageInput {
    /// The image.
    image_id: ID,
    /// Why.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
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

/// What was deleted, or why nothing was.
#[derive(SimpleObject)]
pub(crate) struct DeleteImagePayload {
    /// The image that is gone from every list.
    deleted_image_id: Option<ID>,
    /// When its bytes are removed for good.
    purge_after: Option<Time>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// The mutations of the subgraph.
#[Object]
impl Mutation {
    /// Step 1 of an upload: gives a presigned URL for the bytes, straight to the object storage.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn request_image_upload(
        &self,
        ctx: &Context<'_>,
        input: RequestImageUploadInput,
    ) -> Result<Option<ImageUploadPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = RequestUpload {
            patient_id: input.patient_id.0,
            file_name: input.file_name,
            content_type: input.content_type,
            byte_size: input.byte_size.0,
            sha256: input.sha256,
            modality: input.modality.into(),
            body_site_code: input.body_site_code,
            description: input.description,
            taken_at: input.taken_at.map(Into::into),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.request_upload(caller(ctx), input, key, now()).await? {
            Ok(upload) => ImageUploadPayload { upload: Some(upload.into()), user_errors: Vec::new() },
            Err(user_errors) => ImageUploadPayload { upload: None, user_errors },
        }))
    }

    /// Step 2 of an upload: verifies size, SHA-256 and type of what arrived. The image is READY then. Errors
    /// `CHECKSUM_MISMATCH`, `CONTENT_TYPE_MISMATCH`, `MALWARE_SUSPECTED`, `UPLOAD_EXPIRED` end the upload.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn complete_image_upload(
        &self,
        ctx: &Context<'_>,
        input: CompleteImageUploadInput,
    ) -> Result<Option<ImagePayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let upload = parse_id(&input.upload_id);
        Ok(Some(match service.complete_upload(caller(ctx), upload, now()).await? {
            Ok(image) => ImagePayload { image: Some(MedicalImage(Arc::new(image))), user_errors: Vec::new() },
            Err(user_errors) => ImagePayload { image: None, user_errors },
        }))
    }

    /// Takes an image out of every list; its bytes are removed after 30 days. Refused under legal hold.
    #[graphql(requires_scopes = "user/ImagingStudy.d", requires_scopes = "system/ImagingStudy.d")]
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        input: DeleteImageInput,
    ) -> Result<Option<DeleteImagePayload>, ApiError> {
        let key = input.idempotency_key;
        let input =
            DeleteImage { image_id: input.image_id.0, reason: input.reason, expected_version: input.expected_version };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.delete_image(caller(ctx), input, key, now()).await? {
            Ok(deleted) => DeleteImagePayload {
                deleted_image_id: Some(deleted.image_id.into()),
                purge_after: deleted.purge_after.map(Into::into),
                user_errors: Vec::new(),
            },
            Err(user_errors) => DeleteImagePayload { deleted_image_id: None, purge_after: None, user_errors },
        }))
    }
}
