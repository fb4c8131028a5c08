use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, parse_id, total};

use super::{
    image::{ImageFilter, MedicalImage, filter},
    loaders::Loaders,
};

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "image";

/// An account; the patients subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// Our id, a UUIDv7.
    pub id: ID,
}

/// A patient, as far as images go.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// Our id, a UUIDv7.
    id: ID,
}

impl Patient {
    pub(crate) fn new(id: ID) -> Self {
        Self { id }
    }
}

#[ComplexObject]
impl Patient {
    /// The patient's images, the newest first.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which images; those that are ready where it is left out.")] filter: Option<ImageFilter>,
    ) -> Result<Option<Connection<MedicalImage>>, ApiError> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let filter = self::filter(filter);
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let (page, total) = tokio::try_join!(
            Loaders::of_patient(ctx, patient, filter.clone(), window),
            total(ctx, || Loaders::count_of_patient(ctx, patient, filter.clone())),
        )?;
        let connection = Connection::new(page, |image| Cursor::write(NEWEST_FIRST, &image.id), MedicalImage);
        Ok(Some(connection.counted(total)))
    }
}
