use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures::future::try_join_all;
use healthbridge_graphql::{
    Code, Connection, Date, List, Time, UserError, batch, caller, codes, entity, listed, now, one, service, settled,
    window,
};
use healthbridge_outcome::{Fault, Outcome, PageArgs};
use uuid::Uuid;

use super::{
    billing::{Billing, BillingById},
    money::{CurrencyCode, Money},
    patient::Patient,
};
use crate::{
    domain::{self, InvoiceKind, InvoiceStatus},
    service::{CancelInvoice, CreateInvoice, Invoices, IssueInvoice},
    store::invoices,
};

/// An invoice or a credit note (FHIR Invoice). One that the caller may not see looks like one that does not exist.
pub(crate) struct Invoice(pub(crate) Arc<domain::Invoice>);

/// An invoice or a credit note (FHIR Invoice). One that the caller may not see looks like one that does not exist.
#[Object]
impl Invoice {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whether it is an invoice or a credit note.
    async fn kind(&self) -> Code<InvoiceKind> {
        Code(self.0.kind)
    }

    /// The number, without gap in its series and year, such as `INV-2026-000001`; `DRAFT` for a draft.
    async fn number(&self) -> &str {
        self.0.number.as_deref().unwrap_or("DRAFT")
    }

    /// The status.
    async fn status(&self) -> Code<InvoiceStatus> {
        Code(self.0.status())
    }

    /// The patient who owes it. Null where the caller may not see the record, or the part of the system that knows it is
    /// unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The billings on it, in the order in which they were named.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<Billing>, Fault> {
        let lines = self.0.billing_ids.iter().map(|id| one::<BillingById>(ctx, *id));
        Ok(try_join_all(lines).await?.into_iter().flatten().map(Billing).collect())
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
    async fn cancels(&self, ctx: &Context<'_>) -> Result<Option<Invoice>, Fault> {
        match self.0.cancels_id {
            Some(id) => Ok(one::<InvoiceById>(ctx, id).await?.map(Invoice)),
            None => Ok(None),
        }
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl List for Invoice {
    const ORDER: &'static str = "invoice";
    type Row = domain::Invoice;
    type Place = Uuid;

    fn place(invoice: &domain::Invoice) -> Uuid {
        invoice.id
    }

    fn node(invoice: Arc<domain::Invoice>) -> Self {
        Self(invoice)
    }
}

/// Which invoices a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct InvoiceFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<InvoiceStatus>>>,
    /// To be paid before this day.
    due_before: Option<Date>,
}

impl From<InvoiceFilter> for invoices::InvoiceFilter {
    fn from(filter: InvoiceFilter) -> Self {
        Self { statuses: codes(filter.status), due_before: filter.due_before.map(|date| date.0) }
    }
}

batch! {
    /// The invoices with these ids.
    pub(super) InvoiceById = Invoices::by_id() -> domain::Invoice, by |invoice| invoice.id
}

/// How invoices are found.
#[derive(Default)]
pub(super) struct InvoiceQuery;

#[Object]
impl InvoiceQuery {
    /// An invoice or a credit note; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/Invoice.r",
        requires_scopes = "patient/Invoice.r",
        requires_scopes = "system/Invoice.r"
    )]
    async fn invoice(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Invoice>, Fault> {
        Ok(entity::<InvoiceById>(ctx, &id).await?.map(Invoice))
    }

    /// The invoices and credit notes of all patients, the newest first.
    #[graphql(requires_scopes = "user/Invoice.s", requires_scopes = "system/Invoice.s")]
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which invoices.")] filter: Option<InvoiceFilter>,
    ) -> Result<Option<Connection<Invoice>>, Fault> {
        let window = window::<Invoice>(&PageArgs::new(first, after, last, before)?)?;
        let (invoices, filter) = (service::<Invoices>(ctx), filter.unwrap_or_default().into());
        let page = invoices.search(caller(ctx), &filter, &window);
        listed(ctx, page, invoices.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_invoice_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Invoice>, Fault> {
        Ok(entity::<InvoiceById>(ctx, &id).await?.map(Invoice))
    }
}

/// Billings of a patient to be put on a draft.
#[derive(InputObject)]
pub(crate) struct CreateInvoiceInput {
    /// The patient who owes it.
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
    /// The reason, in plain text.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
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

impl InvoicePayload {
    fn of(outcome: Outcome<(domain::Invoice, Option<domain::Invoice>)>) -> Result<Option<Self>, Fault> {
        let (cancelled, user_errors) = settled(outcome)?;
        let (invoice, note) = cancelled.unzip();
        let shown = |invoice| Invoice(Arc::new(invoice));
        Ok(Some(Self { invoice: invoice.map(shown), credit_note: note.flatten().map(shown), user_errors }))
    }
}

/// What is done with invoices, but for paying them.
#[derive(Default)]
pub(super) struct InvoiceMutation;

#[Object]
impl InvoiceMutation {
    /// Puts billings of a patient on a draft.
    #[graphql(requires_scopes = "user/Invoice.c", requires_scopes = "system/Invoice.c")]
    async fn create_invoice(
        &self,
        ctx: &Context<'_>,
        input: CreateInvoiceInput,
    ) -> Result<Option<InvoicePayload>, Fault> {
        let key = input.idempotency_key;
        let invoice = CreateInvoice {
            patient_id: input.patient_id.0,
            billing_ids: input.billing_ids.into_iter().map(|id| id.0).collect(),
            due_at: input.due_at.map(|date| date.0),
        };
        let outcome = service::<Invoices>(ctx).create(caller(ctx), invoice, key, now()).await;
        InvoicePayload::of(outcome.map(|invoice| (invoice, None)))
    }

    /// Issues a draft: it gets the next number of its year, and what stands in it no longer changes. Its billings are BILLED.
    #[graphql(requires_scopes = "user/Invoice.u", requires_scopes = "system/Invoice.u")]
    async fn issue_invoice(
        &self,
        ctx: &Context<'_>,
        input: IssueInvoiceInput,
    ) -> Result<Option<InvoicePayload>, Fault> {
        let IssueInvoiceInput { invoice_id, expected_version } = input;
        let issue = IssueInvoice { invoice_id: invoice_id.0, expected_version };
        let outcome = service::<Invoices>(ctx).issue(caller(ctx), issue, now()).await;
        InvoicePayload::of(outcome.map(|invoice| (invoice, None)))
    }

    /// Cancels an invoice. An issued one is taken back by a credit note. Its billings are BILLABLE again, with what was paid
    /// for them.
    #[graphql(requires_scopes = "user/Invoice.u", requires_scopes = "system/Invoice.u")]
    async fn cancel_invoice(
        &self,
        ctx: &Context<'_>,
        input: CancelInvoiceInput,
    ) -> Result<Option<InvoicePayload>, Fault> {
        let CancelInvoiceInput { invoice_id, reason, expected_version } = input;
        let cancel = CancelInvoice { invoice_id: invoice_id.0, expected_version, reason };
        InvoicePayload::of(service::<Invoices>(ctx).cancel(caller(ctx), cancel, now()).await)
    }
}
