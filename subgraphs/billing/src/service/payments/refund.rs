use healthbridge_change::{Change, Making, Once, failpoint};
use healthbridge_outcome::{Fault, Outcome, Refusals, Stop, UserErrorCode};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Moved, moved, write};
use crate::{
    domain::{Given, LedgerKind, Movement, refundable},
    service::recorded,
    store::{billings, ledger},
};

/// A refund of a payment, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RefundPayment {
    pub payment_id: String,
    /// All that is left of the payment where it is left out.
    pub amount: Option<Given>,
    pub reason: String,
}

impl Change for RefundPayment {
    const NAME: &'static str = "refundPayment";
    type Made = Moved;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Moved> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.reason);
        let reason = refusals.or(reason)?;
        let absent = || Stop::refuse("paymentId", UserErrorCode::NotFound, "There is no such payment");
        let id = Uuid::try_parse(&self.payment_id).map_err(|_| absent())?;
        let found = ledger::by_id(making.connection(), &[id]).await?.into_iter().next();
        let payment = found.filter(|entry| entry.kind == LedgerKind::Payment).ok_or_else(absent)?;
        // Its billings are locked first: two refunds of a payment come one after the other.
        let ids = ledger::billings_of_movement(making.connection(), id).await?;
        let billings = billings::lock(making.connection(), &ids).await?;
        let patient_id = billings.first().ok_or_else(absent)?.patient_id;
        failpoint(Self::NAME, "locked");
        let left = ledger::left(making.connection(), &payment).await?;
        let parts = refundable(&payment, left, self.amount.as_ref())?;
        let refund = Movement::refund(&payment, patient_id, &parts, reason, recorded(making));
        let refund = Movement { id: making.id, ..refund.map_err(Fault::internal)? };
        write::<Self>(making, &refund).await
    }
}

impl Once for RefundPayment {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Moved>, Fault> {
        moved(connection, id).await.map(Some)
    }
}
