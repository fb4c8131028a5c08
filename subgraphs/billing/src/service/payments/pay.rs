use healthbridge_change::{Change, Making, Once, failpoint};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Moved, moved, write};
use crate::{
    domain::{Given, Movement, Parts, PaymentMethod, payable, payable_lines},
    service::{billings, invoices, recorded},
    store,
};

/// A payment of a billing, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayBilling {
    pub billing_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<Given>,
    pub method: PaymentMethod,
    pub reference: Option<String>,
}

impl Change for PayBilling {
    const NAME: &'static str = "payBilling";
    type Made = Moved;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Moved> {
        let reference = reference(self.reference.as_deref())?;
        let billing = billings::locked(making, &self.billing_id).await?;
        failpoint(Self::NAME, "locked");
        let parts = payable(&billing, self.amount.as_ref())?;
        let payment = payment(making, billing.patient_id, &parts, self.method, reference)?;
        write::<Self>(making, &payment).await
    }
}

impl Once for PayBilling {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Moved>, Fault> {
        moved(connection, id).await.map(Some)
    }
}

/// A payment of an invoice, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayInvoice {
    pub invoice_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<Given>,
    pub method: PaymentMethod,
    pub reference: Option<String>,
}

impl Change for PayInvoice {
    const NAME: &'static str = "payInvoice";
    type Made = Moved;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Moved> {
        let reference = reference(self.reference.as_deref())?;
        let invoice = invoices::locked(making, &self.invoice_id).await?;
        let lines = store::billings::lock(making.connection(), &invoice.billing_ids).await?;
        failpoint(Self::NAME, "locked");
        let parts = payable_lines(&invoice, &lines, self.amount.as_ref())?;
        let payment = payment(making, invoice.patient_id, &parts, self.method, reference)?;
        write::<Self>(making, &payment).await
    }
}

impl Once for PayInvoice {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Moved>, Fault> {
        moved(connection, id).await.map(Some)
    }
}

fn reference(sent: Option<&str>) -> Checked<Option<String>> {
    let mut refusals = Refusals::default();
    let reference = refusals.optional_line("reference", sent);
    refusals.or(reference)
}

fn payment(
    making: &Making<'_>,
    patient_id: Uuid,
    parts: &Parts,
    method: PaymentMethod,
    reference: Option<String>,
) -> Result<Movement, Fault> {
    let payment = Movement::payment_of_several(patient_id, parts, method, recorded(making));
    let payment = payment.map_err(Fault::internal)?.ok_or(Fault::Forbidden)?;
    Ok(Movement { id: making.id, reference, ..payment })
}
