use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{
    Service,
    change_billing::{absent, lock},
    failpoint::failpoint,
    payment_amounts::{payable, payable_lines, refundable, sum},
    refuse,
};
use crate::{
    NAME,
    domain::{Account, Billing, Invoice, LedgerEntry, LedgerKind, Movement, PaymentMethod, Recorded},
    store::Store,
};

const PAY_BILLING: &str = "payBilling";
const PAY_INVOICE: &str = "payInvoice";
const REFUND: &str = "refundPayment";

/// A payment of a billing, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayBilling {
    pub billing_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<(Decimal, String)>,
    pub method: PaymentMethod,
    pub reference: Option<String>,
}

/// A payment of an invoice, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayInvoice {
    pub invoice_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<(Decimal, String)>,
    pub method: PaymentMethod,
    pub reference: Option<String>,
}

/// A refund of a payment, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RefundPayment {
    pub payment_id: String,
    /// All that is left of the payment where it is left out.
    pub amount: Option<(Decimal, String)>,
    pub reason: String,
}

/// A movement of money, with a billing that it is about.
#[derive(Debug)]
pub(crate) struct Moved {
    pub entry: LedgerEntry,
    pub billing: Option<Billing>,
    /// The invoice that the billing is on.
    pub invoice: Option<Invoice>,
}

impl Service {
    /// Takes money for a billing: all that is outstanding, or a part.
    pub(crate) async fn pay_billing(
        &self,
        caller: &Caller,
        input: PayBilling,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Moved>, ApiError> {
        let account = caller.require(Resource::PaymentNotice, Right::Create)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let payment = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, PAY_BILLING, &input, payment).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        let mut refusals = Refusals::default();
        let reference = refusals.optional_line("reference", input.reference.as_deref());
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let Some(billing) = lock(&mut transaction, Uuid::try_parse(&input.billing_id).ok()).await? else {
            return Ok(Err(absent()));
        };
        failpoint(PAY_BILLING, "locked");
        let parts = match payable(&billing, input.amount.as_ref()) {
            Ok(parts) => parts,
            Err(refused) => return Ok(Err(refused)),
        };
        let movement = Movement::payment_of_several(billing.patient_id, &parts, input.method, recorded);
        let movement = movement.map_err(ApiError::internal)?.ok_or(ApiError::Unauthorized)?;
        let movement = Movement { id: payment, reference, ..movement };
        write(transaction, PAY_BILLING, &movement).await?;
        self.moved(payment).await.map(Ok)
    }

    /// Takes money for an invoice: all that is outstanding, or a part, which pays the first lines first.
    pub(crate) async fn pay_invoice(
        &self,
        caller: &Caller,
        input: PayInvoice,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Moved>, ApiError> {
        let account = caller.require(Resource::PaymentNotice, Right::Create)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let payment = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, PAY_INVOICE, &input, payment).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        let mut refusals = Refusals::default();
        let reference = refusals.optional_line("reference", input.reference.as_deref());
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let found = match Uuid::try_parse(&input.invoice_id) {
            Ok(id) => Store::lock_invoice(&mut transaction, id).await.map_err(ApiError::internal)?,
            Err(_) => None,
        };
        let Some(invoice) = found else {
            return Ok(refuse("invoiceId", UserErrorCode::NotFound, "There is no such invoice"));
        };
        let lines = Store::lock_billings(&mut transaction, &invoice.billing_ids).await.map_err(ApiError::internal)?;
        failpoint(PAY_INVOICE, "locked");
        let parts = match payable_lines(&invoice, &lines, input.amount.as_ref()) {
            Ok(parts) => parts,
            Err(refused) => return Ok(Err(refused)),
        };
        let movement = Movement::payment_of_several(invoice.patient_id, &parts, input.method, recorded);
        let movement = movement.map_err(ApiError::internal)?.ok_or(ApiError::Unauthorized)?;
        let movement = Movement { id: payment, reference, ..movement };
        write(transaction, PAY_INVOICE, &movement).await?;
        self.moved(payment).await.map(Ok)
    }

    /// Gives money of a payment back: all that is left of it, or a part; never more than was paid.
    pub(crate) async fn refund_payment(
        &self,
        caller: &Caller,
        input: RefundPayment,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Moved>, ApiError> {
        let account = caller.require(Resource::PaymentNotice, Right::Create)?;
        if !caller.holds("policy:billing.refund") {
            return Err(ApiError::Unauthorized);
        }
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let refund = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, REFUND, &input, refund).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &input.reason);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let no_payment = || refuse("paymentId", UserErrorCode::NotFound, "There is no such payment");
        let Ok(payment_id) = Uuid::try_parse(&input.payment_id) else { return Ok(no_payment()) };
        let entry = Store::ledger_entry(&mut transaction, payment_id).await.map_err(ApiError::internal)?;
        let Some(payment) = entry.filter(|entry| entry.kind == LedgerKind::Payment) else { return Ok(no_payment()) };
        // Its billings are locked first: two refunds of a payment come one after the other.
        let ids = Store::billings_of_movement(&mut transaction, payment_id).await.map_err(ApiError::internal)?;
        let billings = Store::lock_billings(&mut transaction, &ids).await.map_err(ApiError::internal)?;
        let Some(billing) = billings.first() else { return Ok(no_payment()) };
        failpoint(REFUND, "locked");
        let parts = match refundable(&mut transaction, &payment, input.amount.as_ref()).await? {
            Ok(parts) => parts,
            Err(refused) => return Ok(Err(refused)),
        };
        let total = sum(payment.amount.currency(), &parts).map_err(ApiError::internal)?;
        let mut postings = vec![(Account::Cash, total.negated())];
        postings.extend(parts.iter().map(|(billing, amount)| (Account::Receivable(*billing), *amount)));
        let movement = Movement {
            id: refund,
            kind: LedgerKind::Refund,
            patient_id: billing.patient_id,
            amount: total,
            postings,
            method: payment.method,
            reference: None,
            reason: Some(reason),
            reverses_id: Some(payment_id),
            recorded_by: recorded.by,
            recorded_at: recorded.at,
        };
        write(transaction, REFUND, &movement).await?;
        self.moved(refund).await.map(Ok)
    }

    /// Claims a key for a movement. What was done before is its answer.
    async fn begin(
        &self,
        user_id: Uuid,
        key: Uuid,
        operation: &'static str,
        input: &(impl Serialize + Sync),
        movement: Uuid,
    ) -> Result<Result<Transaction<'static, Postgres>, Result<Outcome<Moved>, ApiError>>, ApiError> {
        let key = idempotency::Key { key, caller: user_id, operation };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), input, movement).await;
        Ok(match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => {
                failpoint(operation, "key claimed");
                Ok(transaction)
            }
            Begin::Reused => Err(Ok(Err(vec![UserError::key_reused()]))),
            Begin::InProgress => Err(Ok(Err(vec![UserError::key_in_progress()]))),
            Begin::Done(id) => Err(self.moved(id).await.map(Ok)),
        })
    }

    /// A movement as it was written, with its first billing as it is now.
    async fn moved(&self, id: Uuid) -> Result<Moved, ApiError> {
        let entries = self.store.ledger_entries(&[id]).await.map_err(ApiError::internal)?;
        let entry = entries.into_iter().next().ok_or(ApiError::Unauthorized)?;
        let mut connection = self.store.pool().acquire().await.map_err(ApiError::internal)?;
        let ids = Store::billings_of_movement(&mut connection, id).await.map_err(ApiError::internal)?;
        drop(connection);
        let first = &ids[..ids.len().min(1)];
        let billing = self.store.by_id(first, None).await.map_err(ApiError::internal)?.into_iter().next();
        let invoice = match billing.as_ref().and_then(|billing| billing.invoice_id) {
            Some(invoice) => Some(self.invoice(invoice).await?),
            None => None,
        };
        Ok(Moved { entry, billing, invoice })
    }
}

/// Writes a movement of money, and ends its transaction.
async fn write(
    mut transaction: Transaction<'_, Postgres>,
    operation: &'static str,
    movement: &Movement,
) -> Result<(), ApiError> {
    Store::insert_postings(&mut transaction, movement).await.map_err(ApiError::internal)?;
    failpoint(operation, "postings written");
    Store::seal_movement(&mut transaction, movement).await.map_err(ApiError::internal)?;
    failpoint(operation, "movement written");
    transaction.commit().await.map_err(ApiError::internal)?;
    failpoint(operation, "committed");
    Ok(())
}
