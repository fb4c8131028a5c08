//! What a billing may be charged by, whether it is made, changed or imported.

use healthbridge_outcome::{Refusals, UserErrorCode};
use healthbridge_terms::{CurrencyCode, Money, MoneyError};
use rust_decimal::Decimal;

use super::{Price, PriceError, Wanted};

/// NUMERIC(12, 4) in the database.
const MAX_QUANTITY: i64 = 99_999_999;
/// Most components of a price.
const MOST: usize = 20;

pub(crate) fn quantity(refusals: &mut Refusals, quantity: Decimal) {
    let is_countable = quantity.is_sign_positive() && !quantity.is_zero() && quantity <= Decimal::from(MAX_QUANTITY);
    if !is_countable || quantity.normalize().scale() > 4 {
        let message = format!("A quantity is above 0, at most {MAX_QUANTITY}, with at most 4 decimals");
        refusals.add("quantity", UserErrorCode::OutOfRange, message);
    }
}

/// The price of one; what is wrong with it is refused.
pub(crate) fn unit_price(refusals: &mut Refusals, amount: Decimal, currency: &str) -> Option<Money> {
    if amount.is_sign_negative() && !amount.is_zero() {
        refusals.add("unitPrice.amount", UserErrorCode::OutOfRange, "A price is not negative");
    }
    let currency = currency.parse::<CurrencyCode>();
    let currency =
        currency.map_err(|error| refusals.add("unitPrice.currency", UserErrorCode::InvalidFormat, error.to_string()));
    let unit = Money::new(amount, currency.ok()?);
    unit.map_err(|error| refusals.add("unitPrice.amount", UserErrorCode::OutOfRange, error.to_string())).ok()
}

/// The price of all with its components; what is wrong with it is refused.
pub(crate) fn price(refusals: &mut Refusals, unit: Money, quantity: Decimal, wanted: &[Wanted]) -> Option<Price> {
    if wanted.len() > MOST {
        refusals.add("components", UserErrorCode::OutOfRange, format!("A price has at most {MOST} components"));
        return None;
    }
    for (place, one) in wanted.iter().enumerate() {
        if let Some(code) = &one.code {
            refusals.coding(&format!("components.{place}.code"), code);
        }
    }
    let refused = match Price::compute(unit, quantity, wanted) {
        Ok(price) => return Some(price),
        Err(refused) => refused,
    };
    let (field, code) = match &refused {
        PriceError::Base(place) => (format!("components.{place}.type"), UserErrorCode::NotAllowed),
        PriceError::Negative(place) => (format!("components.{place}"), UserErrorCode::OutOfRange),
        PriceError::Money(MoneyError::TooLarge) if wanted.is_empty() => {
            ("quantity".to_owned(), UserErrorCode::OutOfRange)
        }
        PriceError::TooMuchDiscount | PriceError::Money(_) => ("components".to_owned(), UserErrorCode::OutOfRange),
    };
    refusals.add(&field, code, refused.to_string());
    None
}
