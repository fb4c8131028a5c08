use chrono::Days;
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use serde_json::{Value, json};

use super::{locked_at, next_number, present};
use crate::{
    domain::{Billing, ChargeItemStatus, Invoice, InvoiceStatus},
    store::{billings, invoices},
};

/// How long an invoice without a date may wait to be paid.
const DEFAULT_TERM: Days = Days::new(30);
/// The series of invoices' numbers.
const SERIES: &str = "INV";

/// A draft to be issued, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct IssueInvoice {
    pub invoice_id: String,
    pub expected_version: i32,
}

impl Change for IssueInvoice {
    const NAME: &'static str = "issueInvoice";
    type Made = Invoice;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Invoice> {
        let draft = locked_at(making, &self.invoice_id, self.expected_version).await?;
        if draft.stored_status != InvoiceStatus::Draft {
            return Err(Stop::refuse("invoiceId", UserErrorCode::IllegalTransition, "Only a draft is issued"));
        }
        let lines = billings::lock(making.connection(), &draft.billing_ids).await?;
        if lines.iter().any(|line| line.status != ChargeItemStatus::Billable) {
            let message = "A line is owed no more: cancel the draft, and make another";
            return Err(Stop::refuse("invoiceId", UserErrorCode::IllegalTransition, message));
        }
        // Its totals are its lines', which may have changed until they were locked.
        let draft = present(making.connection(), draft.id).await?;
        let content = json!(lines.iter().map(frozen).collect::<Vec<_>>());
        let (number, now) = (next_number(making, SERIES).await?, making.now);
        let due_at = draft.due_at.unwrap_or_else(|| now.date_naive() + DEFAULT_TERM);
        invoices::issue(making.connection(), &draft, &number, due_at, &content, now).await?;
        let (number, due_at, issued_at) = (Some(number), Some(due_at), Some(now));
        let version = draft.version + 1;
        Ok(Invoice { stored_status: InvoiceStatus::Issued, number, due_at, issued_at, version, ..draft })
    }
}

/// A line as it stood in the invoice when it was issued.
fn frozen(line: &Billing) -> Value {
    json!({
        "id": line.id,
        "code": line.code,
        "description": line.description,
        "quantity": line.quantity,
        "unitPrice": line.unit_price.amount(),
        "charged": line.price.charged.amount(),
        "discounts": line.price.discounts.amount(),
        "tax": line.price.tax.amount(),
        "net": line.price.net.amount(),
        "servicedAt": line.serviced_at,
    })
}
