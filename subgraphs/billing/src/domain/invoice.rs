use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_terms::{CurrencyCode, Money, coded};
use uuid::Uuid;

coded! {
    /// Whether a document asks for money or takes an invoice back.
    pub enum InvoiceKind {
        /// An invoice: asks for payment.
        Invoice,
        /// A credit note: takes an issued invoice back.
        CreditNote,
    }
}

coded! {
    /// The status of an invoice (FHIR invoice-status).
    pub enum InvoiceStatus {
        /// A draft: it can still change, and was not sent to anybody.
        Draft,
        /// Issued: it has a number and its content no longer changes.
        Issued,
        /// Issued, and paid in full.
        Balanced,
        /// Cancelled; by a credit note, where it had been issued.
        Cancelled,
        /// It was recorded by mistake and must be disregarded (FHIR `entered-in-error`).
        EnteredInError,
    }
}

/// An invoice or a credit note (FHIR Invoice).
#[derive(Clone, Debug)]
pub struct Invoice {
    /// Our id.
    pub id: Uuid,
    /// Whether it is an invoice or a credit note.
    pub kind: InvoiceKind,
    /// The patient who owes it.
    pub patient_id: Uuid,
    /// The currency of all its lines.
    pub currency: CurrencyCode,
    /// Whether it is a draft, issued or cancelled; [`Self::status`] says more.
    pub stored_status: InvoiceStatus,
    /// Its number, once it is issued.
    pub number: Option<String>,
    /// Its lines.
    pub billing_ids: Vec<Uuid>,
    /// The invoice that a credit note takes back.
    pub cancels_id: Option<Uuid>,
    /// When it is to be paid.
    pub due_at: Option<NaiveDate>,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// Before taxes.
    pub total_net: Money,
    /// With taxes.
    pub total_gross: Money,
    /// What was paid for its lines, and not paid back.
    pub paid: Money,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl Invoice {
    /// What is still to be paid. Nobody owes a draft's, a cancelled invoice's or a credit note's amount by that paper.
    pub fn outstanding(&self) -> Money {
        let nothing = Money::zero(self.currency);
        if self.kind == InvoiceKind::Invoice && self.stored_status == InvoiceStatus::Issued {
            self.total_gross.minus(self.paid).unwrap_or(nothing)
        } else {
            nothing
        }
    }

    /// Its status: an issued invoice that is paid is balanced.
    pub fn status(&self) -> InvoiceStatus {
        let is_invoice = self.kind == InvoiceKind::Invoice && self.stored_status == InvoiceStatus::Issued;
        if is_invoice && !self.outstanding().is_positive() { InvoiceStatus::Balanced } else { self.stored_status }
    }

    /// Whether it should have been paid before this day.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.outstanding().is_positive() && self.due_at.is_some_and(|due| due < today)
    }
}
