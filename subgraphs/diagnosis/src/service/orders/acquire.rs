use std::collections::HashSet;

use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Checked, Outcome, Refusals, UserErrorCode};
use uuid::Uuid;

use super::{illegal, keep, locked_at};
use crate::{
    domain::{ImagingOrder, WorkflowAction},
    settings::OrderSettings,
    store::orders,
};

/// Most images of an order.
const MOST: usize = 10_000;

/// An acquisition that is complete, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct CompleteAcquisition {
    pub order_id: String,
    pub expected_version: i32,
    pub image_ids: Vec<String>,
}

impl CompleteAcquisition {
    pub(super) fn with(self, settings: OrderSettings) -> Acquiring {
        Acquiring { acquisition: self, settings }
    }
}

/// An acquisition on its way, with what the deployment decides.
pub(super) struct Acquiring {
    acquisition: CompleteAcquisition,
    settings: OrderSettings,
}

impl Change for Acquiring {
    const NAME: &'static str = "completeAcquisition";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let sent = &self.acquisition;
        let images = sent.images()?;
        let before = locked_at(making, &sent.order_id, sent.expected_version).await?;
        let due_in = self.settings.due_in(before.priority);
        let order = before.acquire(images, due_in, making.now).map_err(illegal)?;
        let free: HashSet<Uuid> =
            orders::bind_images(making.connection(), order.id, &order.image_ids).await?.into_iter().collect();
        let mut refusals = Refusals::default();
        for (place, image) in order.image_ids.iter().enumerate().filter(|(_, image)| !free.contains(image)) {
            let message = format!("The image {image} belongs to another order");
            refusals.add(&format!("imageIds.{place}"), UserErrorCode::AlreadyExists, message);
        }
        refusals.or(())?;
        keep(making, &order, Some(WorkflowAction::Acquired)).await?;
        Ok(order)
    }
}

impl CompleteAcquisition {
    /// The images; whether each exists is for others to know.
    fn images(&self) -> Checked<Vec<Uuid>> {
        let mut refusals = Refusals::default();
        if self.image_ids.is_empty() {
            refusals.add("imageIds", UserErrorCode::Required, "An acquisition has at least one image");
        }
        if self.image_ids.len() > MOST {
            refusals.add("imageIds", UserErrorCode::OutOfRange, format!("An order has at most {MOST} images"));
        }
        let mut images = Vec::new();
        let mut seen = HashSet::new();
        for (place, id) in self.image_ids.iter().take(MOST).enumerate() {
            let field = format!("imageIds.{place}");
            match Uuid::try_parse(id) {
                Ok(id) if seen.insert(id) => images.push(id),
                Ok(_) => refusals.add(&field, UserErrorCode::AlreadyExists, "The image is named twice"),
                Err(_) => refusals.add(&field, UserErrorCode::NotFound, "There is no such image"),
            }
        }
        refusals.or(images)
    }
}
