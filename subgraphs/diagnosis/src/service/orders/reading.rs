use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals};

use super::{illegal, keep, locked, staff, staff_id};
use crate::{
    domain::{ImagingOrder, WorkflowAction},
    settings::OrderSettings,
};

/// An order that the caller begins to read, as it was sent. It has no version: what counts is who has the order, and not what
/// else of it has changed.
#[derive(Clone, Debug)]
pub(crate) struct StartReading {
    pub order_id: String,
    pub take_over_from: Option<String>,
}

impl StartReading {
    pub(super) fn with(self, settings: OrderSettings) -> Starting {
        Starting { start: self, settings }
    }
}

/// A beginning on its way, with what the deployment decides.
pub(super) struct Starting {
    start: StartReading,
    settings: OrderSettings,
}

impl Change for Starting {
    const NAME: &'static str = "startReading";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let (sent, mut refusals) = (&self.start, Refusals::default());
        let from = staff_id(&mut refusals, "takeOverFrom", sent.take_over_from.as_deref());
        let (from, reader) = (refusals.or(from)?, staff(making)?);
        let before = locked(making, &sent.order_id).await?;
        let order = before.start_reading(reader, from, self.settings.lock(), making.now).map_err(illegal)?;
        // Whoever asks for more time has begun before.
        let is_begun = before.reader(making.now).is_none_or(|(holder, _)| holder != reader);
        keep(making, &order, is_begun.then_some(WorkflowAction::ReadStarted)).await?;
        Ok(order)
    }
}

/// An order that the caller gives back, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct StopReading {
    pub order_id: String,
}

impl Change for StopReading {
    const NAME: &'static str = "stopReading";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let reader = staff(making)?;
        let before = locked(making, &self.order_id).await?;
        let order = before.stop_reading(reader, making.now).map_err(illegal)?;
        keep(making, &order, None).await?;
        Ok(order)
    }
}
