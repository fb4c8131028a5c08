use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{
    BigInt, Code, Coding, Connection, List, Presigned, Time, UserError, batch, caller, codes, entity, listed, now,
    parse_id, service, settled, window,
};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{patient::Patient, reference::User};
use crate::{
    domain::{Disposition, Image, ImageState, Modality},
    service::{DeleteImage, Images},
    store::images,
};

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
pub(crate) struct MedicalImage(pub(crate) Arc<Image>);

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
#[Object]
impl MedicalImage {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The patient whom the image shows. Null where the caller may not see the record, or the part of the system that knows
    /// it is unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The modality: how the image was acquired.
    async fn modality(&self) -> Code<Modality> {
        Code(self.0.modality)
    }

    /// The part of the body that the image shows, a DICOM code.
    async fn body_site(&self) -> Option<Coding> {
        self.0.body_site.as_ref().map(Coding::from)
    }

    /// What the image shows, in the sender's words.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The name that the file had on the sender's machine.
    async fn file_name(&self) -> &str {
        &self.0.file_name
    }

    /// The media type: `application/dicom`, `image/png` or `image/jpeg`.
    async fn content_type(&self) -> &'static str {
        self.0.content_type.into()
    }

    /// The size of the file in bytes.
    async fn byte_size(&self) -> BigInt {
        BigInt(self.0.byte_size)
    }

    /// SHA-256 of the bytes, 64 digits of lower-case hexadecimal.
    async fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// The state of the file: from the request of its upload until it can be viewed, or is deleted.
    async fn state(&self) -> Code<ImageState> {
        Code(self.0.state)
    }

    /// When the image was acquired.
    async fn taken_at(&self) -> Option<Time> {
        self.0.taken_at.map(Time::from)
    }

    /// When the upload was requested or, once it is ready, completed.
    async fn uploaded_at(&self) -> Time {
        self.0.uploaded_at.into()
    }

    /// The account that uploaded the image.
    async fn uploaded_by(&self) -> Option<User> {
        Some(User { id: self.0.uploaded_by.into() })
    }

    /// Whether the image is under legal hold, and must not be deleted.
    async fn legal_hold(&self) -> bool {
        self.0.legal_hold
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// A URL that reads the file; null until the image is ready. Error `BAD_USER_INPUT` for a life outside of 1 to 3600 s.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn download_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 300, desc = "How long the URL works, 1 to 3600 seconds.")] expires_in_seconds: i32,
        #[graphql(default_with = "Disposition::Inline.into()", desc = "What a browser should do with the file.")]
        disposition: Code<Disposition>,
    ) -> Result<Option<Presigned>, Fault> {
        let url = service::<Images>(ctx).download_url(&self.0, expires_in_seconds, disposition.0, now()).await?;
        Ok(url.map(Into::into))
    }
}

impl List for MedicalImage {
    const ORDER: &'static str = "image";
    type Row = Image;
    type Place = Uuid;

    fn place(image: &Image) -> Uuid {
        image.id
    }

    fn node(image: Arc<Image>) -> Self {
        Self(image)
    }
}

/// Which images a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct ImageFilter {
    /// Acquired in one of these ways.
    modality: Option<Vec<Code<Modality>>>,
    /// In one of these states. A patient sees those that are ready, whatever is asked.
    #[graphql(default_with = "vec![Code(ImageState::Ready)]")]
    state: Vec<Code<ImageState>>,
    /// Uploaded for this imaging order. Best asked for below its patient: over all images it is looked for among all.
    order_id: Option<ID>,
    /// Taken then or later.
    taken_from: Option<Time>,
    /// Taken before.
    taken_to: Option<Time>,
}

impl Default for ImageFilter {
    fn default() -> Self {
        Self { modality: None, state: vec![Code(ImageState::Ready)], order_id: None, taken_from: None, taken_to: None }
    }
}

impl From<ImageFilter> for images::ImageFilter {
    fn from(filter: ImageFilter) -> Self {
        Self {
            modalities: codes(filter.modality),
            states: codes(Some(filter.state)),
            // What is no id of ours names no order, for which there is no image.
            order_id: filter.order_id.map(|id| parse_id(&id).unwrap_or_default()),
            taken_from: filter.taken_from.map(Into::into),
            taken_to: filter.taken_to.map(Into::into),
        }
    }
}

batch! {
    /// The images with these ids.
    pub(super) ImageById = Images::by_id() -> Image, by |image| image.id
}

/// How images are found.
#[derive(Default)]
pub(super) struct ImageQuery;

#[Object]
impl ImageQuery {
    /// An image; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn image(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalImage>, Fault> {
        Ok(entity::<ImageById>(ctx, &id).await?.map(MedicalImage))
    }

    /// The images of all patients, the newest first.
    #[graphql(requires_scopes = "user/ImagingStudy.s", requires_scopes = "system/ImagingStudy.s")]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which images; those that are ready where it is left out.")] filter: Option<ImageFilter>,
    ) -> Result<Option<Connection<MedicalImage>>, Fault> {
        let window = window::<MedicalImage>(&PageArgs::new(first, after, last, before)?)?;
        let (images, filter) = (service::<Images>(ctx), filter.unwrap_or_default().into());
        let page = images.search(caller(ctx), &filter, &window);
        listed(ctx, page, images.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalImage>, Fault> {
        Ok(entity::<ImageById>(ctx, &id).await?.map(MedicalImage))
    }
}

/// An image that is to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteImageInput {
    /// The image.
    image_id: ID,
    /// The reason, in plain text.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<DeleteImageInput> for DeleteImage {
    fn from(input: DeleteImageInput) -> Self {
        Self { image_id: input.image_id.0, reason: input.reason, expected_version: input.expected_version }
    }
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

/// What is done with images.
#[derive(Default)]
pub(super) struct ImageMutation;

#[Object]
impl ImageMutation {
    /// Takes an image out of every list; its bytes are removed after 30 days. Refused under legal hold.
    #[graphql(requires_scopes = "user/ImagingStudy.d", requires_scopes = "system/ImagingStudy.d")]
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        input: DeleteImageInput,
    ) -> Result<Option<DeleteImagePayload>, Fault> {
        let key = input.idempotency_key;
        let (deleted, user_errors) =
            settled(service::<Images>(ctx).delete(caller(ctx), input.into(), key, now()).await)?;
        Ok(Some(DeleteImagePayload {
            deleted_image_id: deleted.as_ref().map(|deleted| deleted.image_id.into()),
            purge_after: deleted.and_then(|deleted| deleted.purge_after).map(Time::from),
            user_errors,
        }))
    }
}
