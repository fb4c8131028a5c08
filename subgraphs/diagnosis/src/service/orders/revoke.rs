use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals};

use super::{illegal, keep, locked_at, text};
use crate::domain::{ImagingOrder, WorkflowAction};

/// An order that is to be taken back, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct RevokeOrder {
    pub order_id: String,
    pub expected_version: i32,
    pub reason: String,
}

impl Change for RevokeOrder {
    const NAME: &'static str = "revokeImagingOrder";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let mut refusals = Refusals::default();
        let reason = text(&mut refusals, "reason", &self.reason);
        let reason = refusals.or(reason)?;
        let before = locked_at(making, &self.order_id, self.expected_version).await?;
        let order = before.revoke(reason, making.now).map_err(illegal)?;
        keep(making, &order, Some(WorkflowAction::Cancelled)).await?;
        Ok(order)
    }
}
