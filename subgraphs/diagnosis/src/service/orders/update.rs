use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals};

use super::{illegal, keep, locked_at, staff_id, text};
use crate::{
    domain::{ImagingOrder, OrderChange, ReportPriority, WorkflowAction},
    settings::OrderSettings,
};

/// What is to be changed of an order, as it was sent; what is left out stays.
#[derive(Clone, Debug)]
pub(crate) struct UpdateOrder {
    pub order_id: String,
    pub expected_version: i32,
    pub radiologist_id: Option<String>,
    pub priority: Option<ReportPriority>,
    pub reason: Option<String>,
    pub on_hold: Option<bool>,
}

impl UpdateOrder {
    pub(super) fn with(self, settings: OrderSettings) -> Updating {
        Updating { update: self, settings }
    }
}

/// An update on its way, with what the deployment decides.
pub(super) struct Updating {
    update: UpdateOrder,
    settings: OrderSettings,
}

impl Change for Updating {
    const NAME: &'static str = "updateImagingOrder";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let (sent, mut refusals) = (&self.update, Refusals::default());
        let change = OrderChange {
            radiologist_id: staff_id(&mut refusals, "radiologistId", sent.radiologist_id.as_deref()),
            priority: sent.priority.map(|priority| (priority, self.settings.due_in(priority))),
            reason: sent.reason.as_deref().map(|reason| text(&mut refusals, "reason", reason)),
            on_hold: sent.on_hold,
        };
        let change = refusals.or(change)?;
        let before = locked_at(making, &sent.order_id, sent.expected_version).await?;
        let order = before.change(&change, making.now).map_err(illegal)?;
        let is_assigned = order.radiologist_id != before.radiologist_id;
        keep(making, &order, is_assigned.then_some(WorkflowAction::Assigned)).await?;
        Ok(order)
    }
}
