use std::collections::HashSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Service, refuse};
use crate::{
    NAME,
    domain::{Billing, ChargeItemStatus, Invoice, InvoiceKind, InvoiceStatus, Recorded},
    store::{Issue, NewInvoice, Store},
};

/// Most billings of an invoice.
const MOST: usize = 500;
/// How long an invoice without a date may wait to be paid.
const DEFAULT_TERM: Days = Days::new(30);
/// The series of numbers.
const INVOICES: &str = "INV";
const CREDIT_NOTES: &str = "CN";

/// An invoice to be made, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateInvoice {
    pub patient_id: String,
    pub billing_ids: Vec<String>,
    pub due_at: Option<NaiveDate>,
}

impl Service {
    /// Puts billings of a patient in one currency on a draft.
    pub(crate) async fn create_invoice(
        &self,
        caller: &Caller,
        input: CreateInvoice,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Invoice>, ApiError> {
        let account = caller.require(Resource::Invoice, Right::Create)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let id = Uuid::now_v7();
        let key = idempotency::Key { key, caller: account.user_id, operation: "createInvoice" };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => return self.invoice(id).await.map(Ok),
        };
        let ids: Vec<Uuid> = input.billing_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
        let lines = Store::lock_billings(&mut transaction, &ids).await.map_err(ApiError::internal)?;
        let lines = match check(&input, lines, recorded.at.date_naive()) {
            Ok(lines) => lines,
            Err(refused) => return Ok(Err(refused)),
        };
        let billing_ids: Vec<Uuid> = lines.iter().map(|line| line.id).collect();
        let Some(first) = lines.first() else { return Ok(Err(Vec::new())) };
        let invoice = NewInvoice {
            id,
            patient_id: first.patient_id,
            currency: first.price.net.currency().as_str(),
            billing_ids: &billing_ids,
            due_at: input.due_at,
        };
        Store::insert_invoice(&mut transaction, &invoice, recorded).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        self.invoice(id).await.map(Ok)
    }

    /// Issues a draft: it gets the next number, and what stands in it no longer changes.
    pub(crate) async fn issue_invoice(
        &self,
        caller: &Caller,
        id: Option<Uuid>,
        expected_version: i32,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Invoice>, ApiError> {
        caller.require(Resource::Invoice, Right::Update)?;
        let now = now.trunc_subsecs(6);
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let invoice = match lock(&mut transaction, id, expected_version).await? {
            Ok(invoice) => invoice,
            Err(refused) => return Ok(Err(refused)),
        };
        if invoice.stored_status != InvoiceStatus::Draft {
            return Ok(refuse("invoiceId", UserErrorCode::IllegalTransition, "Only a draft is issued"));
        }
        let lines = Store::lock_billings(&mut transaction, &invoice.billing_ids).await.map_err(ApiError::internal)?;
        if lines.iter().any(|line| line.status != ChargeItemStatus::Billable) {
            let message = "A line is owed no more: cancel the draft, and make another";
            return Ok(refuse("invoiceId", UserErrorCode::IllegalTransition, message));
        }
        // Last of all: whoever wants a number waits for this transaction from here on.
        let number = next_number(&mut transaction, INVOICES, now).await?;
        let issue = Issue {
            number: &number,
            due_at: invoice.due_at.unwrap_or_else(|| now.date_naive() + DEFAULT_TERM),
            total_net: invoice.total_net.amount(),
            total_gross: invoice.total_gross.amount(),
            content: json!(lines.iter().map(frozen).collect::<Vec<_>>()),
        };
        Store::issue_invoice(&mut transaction, invoice.id, &issue, now).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        self.invoice(invoice.id).await.map(Ok)
    }

    /// Cancels an invoice. An issued one is taken back by a credit note; what was paid stays with its billings, which can be
    /// put on another invoice. Gives the credit note, or the draft that was cancelled.
    pub(crate) async fn cancel_invoice(
        &self,
        caller: &Caller,
        id: Option<Uuid>,
        expected_version: i32,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<(Invoice, Option<Invoice>)>, ApiError> {
        let account = caller.require(Resource::Invoice, Right::Update)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", reason);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let invoice = match lock(&mut transaction, id, expected_version).await? {
            Ok(invoice) => invoice,
            Err(refused) => return Ok(Err(refused)),
        };
        let is_cancelled = !matches!(invoice.stored_status, InvoiceStatus::Draft | InvoiceStatus::Issued);
        if is_cancelled || invoice.kind == InvoiceKind::CreditNote {
            let message = "Only a draft or an issued invoice is cancelled";
            return Ok(refuse("invoiceId", UserErrorCode::IllegalTransition, message));
        }
        Store::lock_billings(&mut transaction, &invoice.billing_ids).await.map_err(ApiError::internal)?;
        Store::cancel_invoice(&mut transaction, invoice.id, &reason).await.map_err(ApiError::internal)?;
        let mut note = None;
        if invoice.stored_status == InvoiceStatus::Issued {
            let (note_id, number) = (Uuid::now_v7(), next_number(&mut transaction, CREDIT_NOTES, recorded.at).await?);
            let written =
                Store::insert_credit_note(&mut transaction, note_id, invoice.id, &number, &reason, recorded).await;
            written.map_err(ApiError::internal)?;
            note = Some(note_id);
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        let note = match note {
            Some(note) => Some(self.invoice(note).await?),
            None => None,
        };
        Ok(Ok((self.invoice(invoice.id).await?, note)))
    }

    pub(super) async fn invoice(&self, id: Uuid) -> Result<Invoice, ApiError> {
        let found = self.store.invoices_by_id(&[id], None).await.map_err(ApiError::internal)?;
        found.into_iter().next().ok_or(ApiError::Unauthorized)
    }
}

async fn lock(
    connection: &mut sqlx::PgConnection,
    id: Option<Uuid>,
    expected_version: i32,
) -> Result<Outcome<Invoice>, ApiError> {
    let found = match id {
        Some(id) => Store::lock_invoice(connection, id).await.map_err(ApiError::internal)?,
        None => None,
    };
    Ok(match found {
        None => refuse("invoiceId", UserErrorCode::NotFound, "There is no such invoice"),
        Some(invoice) if invoice.version != expected_version => Err(vec![UserError::version_conflict()]),
        Some(invoice) => Ok(invoice),
    })
}

async fn next_number(
    connection: &mut sqlx::PgConnection,
    series: &str,
    now: DateTime<Utc>,
) -> Result<String, ApiError> {
    let year = now.year();
    let next = Store::next_invoice_number(connection, series, year).await.map_err(ApiError::internal)?;
    Ok(format!("{series}-{year}-{next:06}"))
}

/// The lines of an invoice in the order in which they were named, if they can be.
fn check(input: &CreateInvoice, found: Vec<Billing>, today: NaiveDate) -> Outcome<Vec<Billing>> {
    let mut refusals = Refusals::default();
    if input.billing_ids.is_empty() {
        refusals.add("billingIds", UserErrorCode::Required, "An invoice has at least one billing");
    }
    if input.billing_ids.len() > MOST {
        refusals.add("billingIds", UserErrorCode::OutOfRange, format!("An invoice has at most {MOST} billings"));
    }
    if input.due_at.is_some_and(|due| due < today || due.year() > 9999) {
        refusals.add("dueAt", UserErrorCode::OutOfRange, "An invoice is due today or later");
    }
    let patient = Uuid::try_parse(&input.patient_id).ok();
    let (mut lines, mut seen): (Vec<Billing>, HashSet<Uuid>) = (Vec::new(), HashSet::new());
    for (place, id) in input.billing_ids.iter().take(MOST).enumerate() {
        let field = format!("billingIds.{place}");
        let id = Uuid::try_parse(id).unwrap_or_default();
        let Some(line) = found.iter().find(|line| line.id == id && Some(line.patient_id) == patient) else {
            refusals.add(&field, UserErrorCode::NotFound, "The patient has no such billing");
            continue;
        };
        if !seen.insert(id) {
            refusals.add(&field, UserErrorCode::AlreadyExists, "The billing is named twice");
        } else if line.invoice_id.is_some() {
            refusals.add(&field, UserErrorCode::AlreadyExists, "The billing is on an invoice");
        } else if line.status != ChargeItemStatus::Billable {
            refusals.add(&field, UserErrorCode::IllegalTransition, "The billing is not owed");
        } else if lines.first().is_some_and(|first| first.price.net.currency() != line.price.net.currency()) {
            refusals.add(&field, UserErrorCode::CurrencyMismatch, "An invoice has one currency");
        }
        lines.push(line.clone());
    }
    refusals.or(lines)
}

/// A line as it stood in the invoice when it was issued.
fn frozen(line: &Billing) -> serde_json::Value {
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
