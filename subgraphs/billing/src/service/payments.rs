use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Service,
    change_billing::{absent, lock},
};
use crate::{
    NAME,
    domain::{
        Account, Billing, CurrencyCode, Invoice, InvoiceKind, InvoiceStatus, LedgerEntry, LedgerKind, Money,
        MoneyError, Movement, PaymentMethod, Recorded,
    },
    store::Store,
};

/// A payment of a billing, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayBilling {
    pub billing_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<(Decimal, String)>,
    pub method: &'static str,
    pub reference: Option<String>,
}

/// A payment of an invoice, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PayInvoice {
    pub invoice_id: String,
    /// All that is outstanding where it is left out.
    pub amount: Option<(Decimal, String)>,
    pub method: &'static str,
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

fn refuse<T>(field: &str, code: UserErrorCode, message: &str) -> Outcome<T> {
    Err(vec![UserError::at(field, code, message)])
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
        let mut refusals = Refusals::default();
        let reference = refusals.optional_line("reference", input.reference.as_deref());
        let method: PaymentMethod = input.method.parse().map_err(ApiError::internal)?;
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let payment = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, "payBilling", &input, payment).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        failpoint("payment: key claimed");
        let Some(billing) = lock(&mut transaction, Uuid::try_parse(&input.billing_id).ok()).await? else {
            return Ok(Err(absent()));
        };
        failpoint("payment: billing locked");
        let amount = match payable(&billing, input.amount.as_ref()) {
            Ok(amount) => amount,
            Err(refused) => return Ok(Err(refused)),
        };
        let movement = Movement::payment(&billing, amount, method, recorded);
        let movement = Movement { id: payment, reference, ..movement };
        Store::insert_movement(&mut transaction, &movement).await.map_err(ApiError::internal)?;
        failpoint("payment: movement written");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoint("payment: committed");
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
        let mut refusals = Refusals::default();
        let reference = refusals.optional_line("reference", input.reference.as_deref());
        let method: PaymentMethod = input.method.parse().map_err(ApiError::internal)?;
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let payment = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, "payInvoice", &input, payment).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        let found = match Uuid::try_parse(&input.invoice_id) {
            Ok(id) => Store::lock_invoice(&mut transaction, id).await.map_err(ApiError::internal)?,
            Err(_) => None,
        };
        let Some(invoice) = found else {
            return Ok(refuse("invoiceId", UserErrorCode::NotFound, "There is no such invoice"));
        };
        let lines = Store::lock_billings(&mut transaction, &invoice.billing_ids).await.map_err(ApiError::internal)?;
        let parts = match payable_lines(&invoice, &lines, input.amount.as_ref()) {
            Ok(parts) => parts,
            Err(refused) => return Ok(Err(refused)),
        };
        let amount = sum(invoice.currency, &parts).map_err(ApiError::internal)?;
        let mut postings = vec![(Account::Cash, amount)];
        postings.extend(parts.iter().map(|(billing, part)| (Account::Receivable(*billing), part.negated())));
        let movement = Movement {
            id: payment,
            kind: LedgerKind::Payment,
            patient_id: invoice.patient_id,
            amount,
            postings,
            method: Some(method),
            reference,
            reason: None,
            reverses_id: None,
            recorded_by: recorded.by,
            recorded_at: recorded.at,
        };
        Store::insert_movement(&mut transaction, &movement).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        let moved = self.moved(payment).await?;
        Ok(Ok(Moved { invoice: Some(self.invoice(invoice.id).await?), ..moved }))
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
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &input.reason);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let refund = Uuid::now_v7();
        let mut transaction = match self.begin(account.user_id, key, "refundPayment", &input, refund).await? {
            Ok(transaction) => transaction,
            Err(done) => return done,
        };
        let no_payment = || refuse("paymentId", UserErrorCode::NotFound, "There is no such payment");
        let Ok(payment_id) = Uuid::try_parse(&input.payment_id) else { return Ok(no_payment()) };
        let entries = self.store.ledger_entries(&[payment_id]).await.map_err(ApiError::internal)?;
        let Some(payment) = entries.into_iter().find(|entry| entry.kind == LedgerKind::Payment) else {
            return Ok(no_payment());
        };
        // Its billings are locked first: two refunds of a payment come one after the other.
        let ids = Store::billings_of_movement(&mut transaction, payment_id).await.map_err(ApiError::internal)?;
        let billings = Store::lock_billings(&mut transaction, &ids).await.map_err(ApiError::internal)?;
        let Some(billing) = billings.first() else { return Ok(no_payment()) };
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
        Store::insert_movement(&mut transaction, &movement).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
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
    ) -> Result<Result<sqlx::Transaction<'static, sqlx::Postgres>, Result<Outcome<Moved>, ApiError>>, ApiError> {
        let key = idempotency::Key { key, caller: user_id, operation };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), input, movement).await;
        Ok(match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => Ok(transaction),
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
        let billings = self.store.by_id(&ids, None).await.map_err(ApiError::internal)?;
        let billing = billings.into_iter().next();
        let invoice = match billing.as_ref().and_then(|billing| billing.invoice_id) {
            Some(invoice) => Some(self.invoice(invoice).await?),
            None => None,
        };
        Ok(Moved { entry, billing, invoice })
    }
}

/// Reads an amount in the currency of a payment or a billing.
fn amount_of(given: &(Decimal, String), currency: CurrencyCode) -> Outcome<Money> {
    let mismatch = || refuse("amount.currency", UserErrorCode::CurrencyMismatch, "The amount is in another currency");
    if given.1.parse() != Ok(currency) {
        return mismatch();
    }
    let amount = Money::new(given.0, currency);
    let amount =
        amount.map_err(|error| vec![UserError::at("amount.amount", UserErrorCode::OutOfRange, error.to_string())])?;
    if amount.is_positive() {
        Ok(amount)
    } else {
        refuse("amount.amount", UserErrorCode::OutOfRange, "An amount that moves is above zero")
    }
}

/// How much is paid of a billing now.
fn payable(billing: &Billing, given: Option<&(Decimal, String)>) -> Outcome<Money> {
    let outstanding = billing.outstanding();
    if !billing.status.is_owed() {
        return refuse("billingId", UserErrorCode::IllegalTransition, "Nobody owes the billing");
    }
    let amount = given.map(|given| amount_of(given, outstanding.currency())).transpose()?;
    if !outstanding.is_positive() {
        return refuse("billingId", UserErrorCode::AlreadyPaid, "The billing is paid");
    }
    match amount {
        Some(amount) if amount.amount() > outstanding.amount() => {
            let message = format!("At most {} {} is outstanding", outstanding.amount(), outstanding.currency());
            refuse("amount.amount", UserErrorCode::AmountExceedsBalance, &message)
        }
        amount => Ok(amount.unwrap_or(outstanding)),
    }
}

/// How much of an invoice's lines is paid now, in their order on it.
fn payable_lines(
    invoice: &Invoice,
    lines: &[Billing],
    given: Option<&(Decimal, String)>,
) -> Outcome<Vec<(Uuid, Money)>> {
    let is_payable = invoice.kind == InvoiceKind::Invoice && invoice.stored_status == InvoiceStatus::Issued;
    if !is_payable {
        return refuse("invoiceId", UserErrorCode::IllegalTransition, "Only an issued invoice is paid");
    }
    let ordered = invoice.billing_ids.iter().filter_map(|id| lines.iter().find(|line| line.id == *id));
    let open: Vec<(Uuid, Money)> = ordered.map(|line| (line.id, line.outstanding())).collect();
    let too_large = |_| vec![UserError::at("amount.amount", UserErrorCode::OutOfRange, "The amount is too large")];
    let total = sum(invoice.currency, &open).map_err(too_large)?;
    let amount = given.map(|given| amount_of(given, invoice.currency)).transpose()?;
    if !total.is_positive() {
        return refuse("invoiceId", UserErrorCode::AlreadyPaid, "The invoice is paid");
    }
    match amount {
        Some(amount) if amount.amount() > total.amount() => {
            let message = format!("At most {} {} is outstanding", total.amount(), invoice.currency);
            refuse("amount.amount", UserErrorCode::AmountExceedsBalance, &message)
        }
        amount => Ok(share(open, amount.unwrap_or(total))),
    }
}

/// Shares an amount out over what each can take, the first one first.
fn share(open: Vec<(Uuid, Money)>, mut amount: Money) -> Vec<(Uuid, Money)> {
    let mut parts = Vec::new();
    for (billing, most) in open {
        let part = if most.amount() < amount.amount() { most } else { amount };
        if part.is_positive() {
            parts.push((billing, part));
            // Both are of one currency, and the part is no larger.
            amount = amount.minus(part).unwrap_or(amount);
        }
    }
    parts
}

/// How much is given back of each of a payment's billings, the last one first.
async fn refundable(
    connection: &mut PgConnection,
    payment: &LedgerEntry,
    given: Option<&(Decimal, String)>,
) -> Result<Outcome<Vec<(Uuid, Money)>>, ApiError> {
    let currency = payment.amount.currency();
    let allocations = Store::allocations(connection, payment.id).await.map_err(ApiError::internal)?;
    let mut left = Vec::new();
    for one in allocations.iter().rev() {
        let amount = Money::new(one.paid - one.refunded, currency).map_err(ApiError::internal)?;
        left.push((one.billing_id, amount));
    }
    let total = sum(currency, &left).map_err(ApiError::internal)?;
    let wanted = match given.map(|given| amount_of(given, currency)).transpose() {
        Ok(amount) => amount.unwrap_or(total),
        Err(refused) => return Ok(Err(refused)),
    };
    if !total.is_positive() {
        return Ok(refuse("paymentId", UserErrorCode::AmountExceedsBalance, "All of the payment was given back"));
    }
    if wanted.amount() > total.amount() {
        let message = format!("At most {} {currency} is left of the payment", total.amount());
        return Ok(refuse("amount.amount", UserErrorCode::AmountExceedsBalance, &message));
    }
    Ok(Ok(share(left, wanted)))
}

fn sum(currency: CurrencyCode, parts: &[(Uuid, Money)]) -> Result<Money, MoneyError> {
    parts.iter().try_fold(Money::zero(currency), |sum, (_, part)| sum.plus(*part))
}

/// Where a test may kill the process between two statements.
///
/// A build for development stops there for ever if `HEALTHBRIDGE_STOP_AT` names the place; a release build knows nothing of
/// it.
fn failpoint(name: &str) {
    if cfg!(debug_assertions) && std::env::var("HEALTHBRIDGE_STOP_AT").is_ok_and(|place| place == name) {
        loop {
            std::thread::park();
        }
    }
}
