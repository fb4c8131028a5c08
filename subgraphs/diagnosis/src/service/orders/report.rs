//! What reports do to their orders. The changes of reports call these inside their own transaction: the report's row is
//! locked before its order's, always, so that nobody waits for each other.

use healthbridge_change::Making;
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use uuid::Uuid;

use super::{illegal, keep};
use crate::{
    domain::{ImagingOrder, OrderRefusal, OrderStatus},
    store::orders,
};

/// A report of an order is begun: the order is READING then, with the author as its radiologist. Called before the report is
/// inserted, with the order as it was sent; gives the order, which knows who asked for the examination.
///
/// `NOT_FOUND` where the patient has no such order, `ILLEGAL_TRANSITION` where its images are not there or another radiologist
/// reads it, `ALREADY_EXISTS` where a report of it was begun; all at `orderId`.
pub(crate) async fn report_begun(
    making: &mut Making<'_>,
    order_id: &str,
    patient_id: Uuid,
    author: Uuid,
) -> Outcome<ImagingOrder> {
    let found = match Uuid::try_parse(order_id) {
        Ok(id) => orders::lock(making.connection(), id).await?,
        Err(_) => None,
    };
    let Some(before) = found.filter(|order| order.patient_id == patient_id) else {
        return Err(Stop::refuse("orderId", UserErrorCode::NotFound, "The patient has no such order"));
    };
    let order = before.begin_report(author, making.now).map_err(|refusal| match refusal {
        OrderRefusal::ReportBegun | OrderRefusal::NotActive(OrderStatus::Completed) => {
            Stop::refuse("orderId", UserErrorCode::AlreadyExists, "The order has a report")
        }
        refusal => illegal(refusal),
    })?;
    keep(making, &order, None).await?;
    Ok(order)
}

/// The report of an order was released: the order is COMPLETED, and REPORTED. Called behind the report's own write, by the
/// change that makes it FINAL, where [`crate::domain::Report::order_id`] names an order.
#[expect(dead_code, reason = "the change that releases reports calls it")]
pub(crate) async fn report_released(making: &mut Making<'_>, order_id: Uuid) -> Outcome<()> {
    let Some(before) = orders::lock(making.connection(), order_id).await? else { return Ok(()) };
    let order = before.report_released(making.now).map_err(illegal)?;
    Ok(keep(making, &order, None).await?)
}

/// The report of an order was cancelled, or marked as entered in error: the order is ACTIVE and ACQUIRED again, and free for
/// another report. Called behind the report's own write, which takes the report out of the index of live ones.
#[expect(dead_code, reason = "the changes that withdraw reports call it")]
pub(crate) async fn report_withdrawn(making: &mut Making<'_>, order_id: Uuid) -> Outcome<()> {
    let Some(before) = orders::lock(making.connection(), order_id).await? else { return Ok(()) };
    let order = before.report_withdrawn(making.now).map_err(illegal)?;
    Ok(keep(making, &order, None).await?)
}
