//! How much a payment or a refund may be, and what of it falls to which billing.

use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::refuse;
use crate::{
    domain::{Billing, CurrencyCode, Invoice, InvoiceKind, InvoiceStatus, LedgerEntry, Money, MoneyError},
    store::Store,
};

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
pub(super) fn payable(billing: &Billing, given: Option<&(Decimal, String)>) -> Outcome<Vec<(Uuid, Money)>> {
    if !billing.status.is_owed() {
        return refuse("billingId", UserErrorCode::IllegalTransition, "Nobody owes the billing");
    }
    match payable_parts(std::iter::once(billing), billing.price.net.currency(), given)? {
        Some(parts) => Ok(parts),
        None => refuse("billingId", UserErrorCode::AlreadyPaid, "The billing is paid"),
    }
}

/// How much of an invoice's lines is paid now, in their order on it.
pub(super) fn payable_lines(
    invoice: &Invoice,
    lines: &[Billing],
    given: Option<&(Decimal, String)>,
) -> Outcome<Vec<(Uuid, Money)>> {
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
pub(super) fn payable_parts<'a>(
    billings: impl Iterator<Item = &'a Billing>,
    currency: CurrencyCode,
    given: Option<&(Decimal, String)>,
) -> Outcome<Option<Vec<(Uuid, Money)>>> {
    let open: Vec<(Uuid, Money)> = billings.map(|billing| (billing.id, billing.outstanding())).collect();
    let too_large = |_| vec![UserError::at("amount.amount", UserErrorCode::OutOfRange, "The amount is too large")];
    let total = sum(currency, &open).map_err(too_large)?;
    let amount = given.map(|given| amount_of(given, currency)).transpose()?;
    if !total.is_positive() {
        return Ok(None);
    }
    match amount {
        Some(amount) if amount.amount() > total.amount() => {
            let message = format!("At most {} {currency} is outstanding", total.amount());
            refuse("amount.amount", UserErrorCode::AmountExceedsBalance, &message)
        }
        amount => Ok(Some(share(open, amount.unwrap_or(total)))),
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
pub(super) async fn refundable(
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

pub(super) fn sum(currency: CurrencyCode, parts: &[(Uuid, Money)]) -> Result<Money, MoneyError> {
    parts.iter().try_fold(Money::zero(currency), |sum, (_, part)| sum.plus(*part))
}
