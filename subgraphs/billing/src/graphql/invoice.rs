//! Invoices and credit notes (FHIR Invoice).

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Date, Outcome, Time, UserError, caller, now, parse_id};
use uuid::Uuid;

use super::{
    billing::Billing,
    ledger::PaymentMethod,
    loaders::Loaders,
    mutation::PaymentPayload,
    reference::Patient,
    scalar::{CurrencyCode, Money, MoneyInput},
};
use crate::{
    Service, domain,
    service::{CreateInvoice, PayInvoice},
    store::InvoiceFilter as StoreFilter,
};

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "invoice";

/// The status of an invoice (FHIR invoice-status).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::InvoiceStatus")]
pub(crate) enum InvoiceStatus {
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

/// What a numbered paper is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::InvoiceKind")]
pub(crate) enum InvoiceKind {
    /// Asks for money.
    Invoice,
    /// Takes an invoice back.
    CreditNote,
}

/// Which invoices a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct InvoiceFilter {
    /// In one of these states.
    status: Option<Vec<InvoiceStatus>>,
    /// To be paid before this day.
    due_before: Option<Date>,
}

/// The store's filter.
pub(crate) fn filter(input: Option<InvoiceFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    StoreFilter {
        statuses: filter.status.into_iter().flatten().map(Into::into).collect(),
        due_before: filter.due_before.map(|date| date.0),
    }
}

/// An invoice or a credit note (FHIR Invoice). One that the caller may not see looks like one that does not exist.
pub(crate) struct Invoice(pub(crate) Arc<domain::Invoice>);

/// An invoice or a credit note (FHIR Invoice). One that the caller may not see looks like one that does not exist.
#[Object]
impl Invoice {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is.
    async fn kind(&self) -> InvoiceKind {
        self.0.kind.into()
    }

    /// The number, without gap in its series and year, such as `INV-2026-000001`; `DRAFT` for a draft.
    async fn number(&self) -> &str {
        self.0.number.as_deref().unwrap_or("DRAFT")
    }

    /// Status.
    async fn status(&self) -> InvoiceStatus {
        self.0.status().into()
    }

    /// Who owes it. Null where the caller may not see the record, or it cannot be asked for.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The billings on it, in the order in which they were named.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<Billing>, ApiError> {
        let mut lines = Vec::new();
        for id in &self.0.billing_ids {
            lines.push(Loaders::billing(ctx, *id));
        }
        let loaded = futures::future::try_join_all(lines).await?;
        Ok(loaded.into_iter().flatten().map(Billing).collect())
    }

    /// The currency of all its lines.
    async fn currency(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency)
    }

    /// All lines before taxes; below zero for a credit note.
    async fn total_net(&self) -> Money {
        self.0.total_net.into()
    }

    /// All lines with taxes; below zero for a credit note.
    async fn total_gross(&self) -> Money {
        self.0.total_gross.into()
    }

    /// What was paid for its lines, and not paid back.
    async fn paid(&self) -> Money {
        self.0.paid.into()
    }

    /// What is still to be paid.
    async fn outstanding(&self) -> Money {
        self.0.outstanding().into()
    }

    /// When it was issued.
    async fn issued_at(&self) -> Option<Time> {
        self.0.issued_at.map(Time::from)
    }

    /// The day until which it is to be paid.
    async fn due_at(&self) -> Option<Date> {
        self.0.due_at.map(Date)
    }

    /// Whether it should have been paid before today (UTC).
    async fn overdue(&self) -> bool {
        self.0.is_overdue(now().date_naive())
    }

    /// The invoice that a credit note takes back.
    async fn cancels(&self, ctx: &Context<'_>) -> Result<Option<Invoice>, ApiError> {
        match self.0.cancels_id {
            Some(id) => Ok(Loaders::invoice(ctx, id).await?.map(Invoice)),
            None => Ok(None),
        }
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Billings of a patient to be put on a draft.
#[derive(InputObject)]
pub(crate) struct CreateInvoiceInput {
    /// Who owes it.
    patient_id: ID,
    /// The billings, BILLABLE and in one currency.
    billing_ids: Vec<ID>,
    /// The day until which it is to be paid; 30 days after it is issued where it is left out.
    due_at: Option<Date>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// A draft to be issued.
#[derive(InputObject)]
pub(crate) struct IssueInvoiceInput {
    /// The draft.
    invoice_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// An invoice to be cancelled.
#[derive(InputObject)]
pub(crate) struct CancelInvoiceInput {
    /// The invoice.
    invoice_id: ID,
    /// Why.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// Money that is paid for an invoice.
#[derive(InputObject)]
pub(crate) struct PayInvoiceInput {
    /// The invoice.
    invoice_id: ID,
    /// How much, in the invoice's currency; all that is outstanding where it is left out. A part pays the first lines first.
    amount: Option<MoneyInput>,
    /// How.
    method: PaymentMethod,
    /// What it is called elsewhere: a receipt's number, say.
    reference: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// An invoice, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct InvoicePayload {
    /// The invoice.
    invoice: Option<Invoice>,
    /// The credit note that took an issued invoice back.
    credit_note: Option<Invoice>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(domain::Invoice, Option<domain::Invoice>)>> for InvoicePayload {
    fn from(outcome: Outcome<(domain::Invoice, Option<domain::Invoice>)>) -> Self {
        let shown = |invoice| Invoice(Arc::new(invoice));
        match outcome {
            Ok((invoice, note)) => {
                Self { invoice: Some(shown(invoice)), credit_note: note.map(shown), user_errors: Vec::new() }
            }
            Err(user_errors) => Self { invoice: None, credit_note: None, user_errors },
        }
    }
}

/// The mutations of invoices.
#[derive(Default)]
pub(crate) struct InvoiceMutation;

/// The mutations of invoices.
#[Object]
impl InvoiceMutation {
    /// Puts billings of a patient on a draft.
    #[graphql(requires_scopes = "user/Invoice.c", requires_scopes = "system/Invoice.c")]
    async fn create_invoice(
        &self,
        ctx: &Context<'_>,
        input: CreateInvoiceInput,
    ) -> Result<Option<InvoicePayload>, ApiError> {
        let key = input.idempotency_key;
        let input = CreateInvoice {
            patient_id: input.patient_id.0,
            billing_ids: input.billing_ids.into_iter().map(|id| id.0).collect(),
            due_at: input.due_at.map(|date| date.0),
        };
        let made = ctx.data_unchecked::<Arc<Service>>().create_invoice(caller(ctx), input, key, now()).await?;
        Ok(Some(made.map(|invoice| (invoice, None)).into()))
    }

    /// Issues a draft: it gets the next number of its year, and what stands in it no longer changes. Its billings are BILLED.
    #[graphql(requires_scopes = "user/Invoice.u", requires_scopes = "system/Invoice.u")]
    async fn issue_invoice(
        &self,
        ctx: &Context<'_>,
        input: IssueInvoiceInput,
    ) -> Result<Option<InvoicePayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (id, version) = (parse_id(&input.invoice_id), input.expected_version);
        let issued = service.issue_invoice(caller(ctx), id, version, now()).await?;
        Ok(Some(issued.map(|invoice| (invoice, None)).into()))
    }

    /// Cancels an invoice. An issued one is taken back by a credit note. Its billings are BILLABLE again, with what was paid
    /// for them.
    #[graphql(requires_scopes = "user/Invoice.u", requires_scopes = "system/Invoice.u")]
    async fn cancel_invoice(
        &self,
        ctx: &Context<'_>,
        input: CancelInvoiceInput,
    ) -> Result<Option<InvoicePayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (id, version) = (parse_id(&input.invoice_id), input.expected_version);
        Ok(Some(service.cancel_invoice(caller(ctx), id, version, &input.reason, now()).await?.into()))
    }

    /// Takes money for an invoice: all that is outstanding where no amount is given. One payment may pay several lines.
    #[graphql(requires_scopes = "user/PaymentNotice.c", requires_scopes = "system/PaymentNotice.c")]
    async fn pay_invoice(&self, ctx: &Context<'_>, input: PayInvoiceInput) -> Result<Option<PaymentPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = PayInvoice {
            invoice_id: input.invoice_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            method: input.method.into(),
            reference: input.reference,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.pay_invoice(caller(ctx), input, key, now()).await?.into()))
    }
}
