use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_terms::{CurrencyCode, Money, coded};
use uuid::Uuid;

coded! {
    /// What a numbered paper is.
    pub enum InvoiceKind {
        /// Asks for money.
        Invoice,
        /// Takes an invoice back.
        CreditNote,
    }
}

coded! {
    /// The status of an invoice (FHIR invoice-status).
    pub enum InvoiceStatus {
        /// It can still change, and nobody has seen it.
        Draft,
        /// It has a number, and does not change.
        Issued,
        /// It is issued, and all of it is paid.
        Balanced,
        /// It was taken back, by a credit note if it was issued.
        Cancelled,
        /// It should not exist.
        EnteredInError,
    }
}

/// An invoice or a credit note (FHIR Invoice).
#[derive(Clone, Debug)]
pub struct Invoice {
    /// Our id.
    pub id: Uuid,
    /// What it is.
    pub kind: InvoiceKind,
    /// Who owes it.
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
    /// Counts changes, from 1.
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
