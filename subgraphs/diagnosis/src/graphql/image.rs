//! What orders add to an image.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Batch, one, parse_id};
use healthbridge_outcome::Fault;
use healthbridge_rights::Caller;
use uuid::Uuid;

use super::order::ImagingOrder;
use crate::{domain, service::Orders};

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct MedicalImage {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl MedicalImage {
    /// The order that the image was acquired for, once its acquisition is complete.
    #[graphql(
        requires_scopes = "user/ServiceRequest.r",
        requires_scopes = "patient/ServiceRequest.r",
        requires_scopes = "system/ServiceRequest.r"
    )]
    async fn order(&self, ctx: &Context<'_>) -> Result<Option<ImagingOrder>, Fault> {
        let Some(image) = parse_id(&self.id) else { return Ok(None) };
        let found = one::<OrderOfImage>(ctx, image).await?;
        Ok(found.map(|found| ImagingOrder(Arc::new(found.1.clone()))))
    }
}

/// The orders that images were acquired for, each with its image.
struct OrderOfImage;

impl Batch for OrderOfImage {
    type Service = Orders;
    type Key = Uuid;
    type Arguments = ();
    type Row = (Uuid, domain::ImagingOrder);

    async fn load(orders: &Orders, caller: &Caller, images: &[Uuid], (): &()) -> Result<Vec<Self::Row>, Fault> {
        orders.of_images(caller, images).await
    }

    fn key((image, _): &Self::Row) -> Uuid {
        *image
    }
}

/// How images are found.
#[derive(Default)]
pub(super) struct ImageQuery;

#[Object]
impl ImageQuery {
    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, id: ID) -> MedicalImage {
        MedicalImage { id }
    }
}
