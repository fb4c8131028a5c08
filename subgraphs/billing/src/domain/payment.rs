//! How much a payment or a refund may be, and what of it falls to which billing.

use healthbridge_outcome::{Checked, UserError, UserErrorCode};
use healthbridge_terms::{CurrencyCode, Money};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Billing, Invoice, InvoiceKind, InvoiceStatus, LedgerEntry};

/// Parts of an amount, each of a billing.
pub(crate) type Parts = Vec<(Uuid, Money)>;

/// An amount as it was sent, with its currency.
pub(crate) type Given = (Decimal, String);

/// How much is paid of a billing now.
pub(crate) fn payable(billing: &Billing, given: Option<&Given>) -> Checked<Parts> {
    if !billing.status.is_owed() {
        return refuse("billingId", UserErrorCode::IllegalTransition, "Nobody owes the billing");
    }
    match payable_parts(std::iter::once(billing), billing.price.net.currency(), given)? {
        Some(parts) => Ok(parts),
        None => refuse("billingId", UserErrorCode::AlreadyPaid, "The billing is paid"),
    }
}

/// How much of an invoice's lines is paid now, in their order on it.
pub(crate) fn payable_lines(invoice: &Invoice, lines: &[Billing], given: Option<&Given>) -> Checked<Parts> {
    let is_payable = invoice.kind == InvoiceKind::Invoice && invoice.stored_status == InvoiceStatus::Issued;
    if !is_payable {
        return refuse("invoiceId", UserErrorCode::IllegalTransition, "Only an issued invoice is paid");
    }
    let ordered = invoice.billing_ids.iter().filter_map(|id| lines.iter().find(|line| line.id == *id));
    match payable_parts(ordered, invoice.currency, given)? {
        Some(parts) => Ok(parts),
        None => refuse("invoiceId", UserErrorCode::AlreadyPaid, "The invoice is paid"),
    }
}

/// How much of these billings is paid now, in their order; nothing where nothing of them is outstanding.
pub(crate) fn payable_parts<'a>(
    billings: impl Iterator<Item = &'a Billing>,
    currency: CurrencyCode,
    given: Option<&Given>,
) -> Checked<Option<Parts>> {
    let open = billings.map(|billing| (billing.id, billing.outstanding())).collect();
    parts(open, currency, given, "is outstanding")
}

/// How much of what is left of a payment is given back now.
pub(crate) fn refundable(payment: &LedgerEntry, left: Parts, given: Option<&Given>) -> Checked<Parts> {
    match parts(left, payment.amount.currency(), given, "is left of the payment")? {
        Some(parts) => Ok(parts),
        None => refuse("paymentId", UserErrorCode::AmountExceedsBalance, "All of the payment was given back"),
    }
}

/// What moves of what is open: the given amount, or all of it; nothing where nothing is open.
fn parts(open: Parts, currency: CurrencyCode, given: Option<&Given>, is_open: &str) -> Checked<Option<Parts>> {
    let total = open.iter().try_fold(Money::zero(currency), |sum, (_, part)| sum.plus(*part));
    let total = total.or_else(|_| refuse("amount.amount", UserErrorCode::OutOfRange, "The amount is too large"))?;
    let amount = given.map(|given| amount_of(given, currency)).transpose()?;
    if !total.is_positive() {
        return Ok(None);
    }
    match amount {
        Some(amount) if amount.amount() > total.amount() => {
            let message = format!("At most {} {currency} {is_open}", total.amount());
            refuse("amount.amount", UserErrorCode::AmountExceedsBalance, message)
        }
        amount => Ok(Some(share(open, amount.unwrap_or(total)))),
    }
}

/// Reads an amount in the currency of a payment or a billing.
fn amount_of((amount, currency_sent): &Given, currency: CurrencyCode) -> Checked<Money> {
    if currency_sent.parse() != Ok(currency) {
        return refuse("amount.currency", UserErrorCode::CurrencyMismatch, "The amount is in another currency");
    }
    match Money::new(*amount, currency) {
        Ok(amount) if amount.is_positive() => Ok(amount),
        Ok(_) => refuse("amount.amount", UserErrorCode::OutOfRange, "An amount that moves is above zero"),
        Err(error) => refuse("amount.amount", UserErrorCode::OutOfRange, error.to_string()),
    }
}

/// Shares an amount out over what each can take, the first one first.
fn share(open: Parts, mut amount: Money) -> Parts {
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

fn refuse<T>(field: &str, code: UserErrorCode, message: impl Into<String>) -> Checked<T> {
    Err(vec![UserError::at(field, code, message)])
}
