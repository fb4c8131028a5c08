use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_auth::{Resource, Right};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, caller, now, parse_id, total};

use super::{
    image::{ImageFilter, MedicalImage, filter},
    loaders::Loaders,
    patient::{NEWEST_FIRST, Patient},
    upload::ImageUpload,
};
use crate::Service;

/// The queries of the subgraph.
pub(crate) struct Query;

async fn image(ctx: &Context<'_>, id: &ID) -> Result<Option<MedicalImage>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::image(ctx, id).await?.map(MedicalImage)),
        None => Ok(None),
    }
}

/// The queries of the subgraph.
#[Object]
impl Query {
    /// An image; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn image(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalImage>, ApiError> {
        image(ctx, &id).await
    }

    /// The images of all patients, the newest first.
    #[graphql(requires_scopes = "user/ImagingStudy.s", requires_scopes = "system/ImagingStudy.s")]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which images; those that are ready where it is left out.")] filter: Option<ImageFilter>,
    ) -> Result<Option<Connection<MedicalImage>>, ApiError> {
        let filter = self::filter(filter);
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (page, total) = tokio::try_join!(
            service.search(caller(ctx), &filter, &window),
            total(ctx, || service.count(caller(ctx), &filter)),
        )?;
        let cursor = |image: &Arc<crate::domain::Image>| Cursor::write(NEWEST_FIRST, &image.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, MedicalImage).counted(total)))
    }

    /// An upload, with a URL while it awaits the bytes.
    #[graphql(requires_scopes = "user/ImagingStudy.c", requires_scopes = "system/ImagingStudy.c")]
    async fn image_upload(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ImageUpload>, ApiError> {
        caller(ctx).require(Resource::ImagingStudy, Right::Create)?;
        let Some(id) = parse_id(&id) else { return Ok(None) };
        let Some(image) = Loaders::image(ctx, id).await? else { return Ok(None) };
        let service = ctx.data_unchecked::<Arc<Service>>();
        let image = Arc::unwrap_or_clone(image);
        Ok(Some(service.upload(image, now()).await?.into()))
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient::new(id)
    }

    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalImage>, ApiError> {
        image(ctx, &id).await
    }
}
