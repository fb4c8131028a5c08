use healthbridge_change::{Change, Making};
use healthbridge_outcome::Outcome;

use super::{illegal, keep, locked_at, staff};
use crate::domain::{ImagingOrder, WorkflowAction};

/// A result that was seen, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct AcknowledgeResult {
    pub order_id: String,
    pub expected_version: i32,
}

impl Change for AcknowledgeResult {
    const NAME: &'static str = "acknowledgeImagingResult";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        staff(making)?;
        let before = locked_at(making, &self.order_id, self.expected_version).await?;
        let order = before.see_result(making.now).map_err(illegal)?;
        keep(making, &order, Some(WorkflowAction::Delivered)).await?;
        Ok(order)
    }
}
