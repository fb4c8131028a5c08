use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals, Stop, UserErrorCode};

use super::{locked_at, next_number, present};
use crate::{
    domain::{Invoice, InvoiceKind, InvoiceStatus},
    service::recorded,
    store::{billings, invoices},
};

/// The series of credit notes' numbers.
const SERIES: &str = "CN";

/// An invoice to be cancelled, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct CancelInvoice {
    pub invoice_id: String,
    pub expected_version: i32,
    pub reason: String,
}

impl Change for CancelInvoice {
    const NAME: &'static str = "cancelInvoice";
    type Made = (Invoice, Option<Invoice>);

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Self::Made> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.reason);
        let reason = refusals.or(reason)?;
        let invoice = locked_at(making, &self.invoice_id, self.expected_version).await?;
        let is_cancelled = !matches!(invoice.stored_status, InvoiceStatus::Draft | InvoiceStatus::Issued);
        if is_cancelled || invoice.kind == InvoiceKind::CreditNote {
            let message = "Only a draft or an issued invoice is cancelled";
            return Err(Stop::refuse("invoiceId", UserErrorCode::IllegalTransition, message));
        }
        billings::lock(making.connection(), &invoice.billing_ids).await?;
        invoices::cancel(making.connection(), invoice.id, &reason).await?;
        let mut note = None;
        if invoice.stored_status == InvoiceStatus::Issued {
            let (number, id, recorded) = (next_number(making, SERIES).await?, making.id, recorded(making));
            invoices::insert_credit_note(making.connection(), id, invoice.id, &number, &reason, recorded).await?;
            note = Some(present(making.connection(), id).await?);
        }
        Ok((present(making.connection(), invoice.id).await?, note))
    }
}
