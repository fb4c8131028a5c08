use std::{fmt, str::FromStr};

use iso_currency::Currency;
use rust_decimal::{Decimal, RoundingStrategy};

/// An ISO 4217 currency that money is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CurrencyCode(Currency);

/// The amount or currency cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not the code of a currency with minor units.
    #[error("{0:?} is not the ISO 4217 code of a currency")]
    UnknownCurrency(String),
    /// More decimals than the currency has.
    #[error("{currency} has {digits} decimals, the amount has more")]
    TooFine {
        /// The currency.
        currency: CurrencyCode,
        /// Its number of decimals.
        digits: u32,
    },
    /// Too large for the ledger.
    #[error("the amount is larger than can be kept")]
    TooLarge,
    /// Two currencies were mixed.
    #[error("amounts of {0} and {1} cannot be added")]
    Mixed(CurrencyCode, CurrencyCode),
}

impl CurrencyCode {
    /// How many decimals an amount has: 0 for JPY, 2 for USD, 3 for KWD.
    pub fn digits(self) -> u32 {
        // Checked when the code was read.
        self.0.exponent().map_or(0, u32::from)
    }

    /// The three letters.
    pub fn as_str(self) -> &'static str {
        self.0.code()
    }
}

impl FromStr for CurrencyCode {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let known = Currency::from_code(text).filter(|currency| currency.exponent().is_some());
        known.map(Self).ok_or_else(|| MoneyError::UnknownCurrency(text.to_owned()))
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An exact amount in one currency, with exactly its number of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: Decimal,
    currency: CurrencyCode,
}

/// NUMERIC(19, 4) in the database.
const LARGEST: i64 = 999_999_999_999_999;

impl Money {
    /// An amount that fits its currency.
    pub fn new(amount: Decimal, currency: CurrencyCode) -> Result<Self, MoneyError> {
        let digits = currency.digits();
        if amount.normalize().scale() > digits {
            return Err(MoneyError::TooFine { currency, digits });
        }
        if amount.abs() > Decimal::from(LARGEST) {
            return Err(MoneyError::TooLarge);
        }
        let mut amount = amount;
        amount.rescale(digits);
        if amount.is_zero() {
            // Nothing has no sign: it would be written as -0.00.
            amount.set_sign_positive(true);
        }
        Ok(Self { amount, currency })
    }

    /// Nothing.
    pub fn zero(currency: CurrencyCode) -> Self {
        Self { amount: Decimal::new(0, currency.digits()), currency }
    }

    /// This price so many times. The one place that rounds: half to even, to the currency's decimals.
    pub fn times(self, quantity: Decimal) -> Result<Self, MoneyError> {
        let exact = self.amount.checked_mul(quantity).ok_or(MoneyError::TooLarge)?;
        let rounded = exact.round_dp_with_strategy(self.currency.digits(), RoundingStrategy::MidpointNearestEven);
        Self::new(rounded, self.currency)
    }

    /// The sum of two amounts in one currency.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        Self::new(self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge)?, self.currency)
    }

    /// The difference of two amounts in one currency.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(Self { amount: -other.amount, currency: other.currency })
    }

    /// The same amount on the other side.
    #[must_use]
    pub fn negated(self) -> Self {
        if self.amount.is_zero() { self } else { Self { amount: -self.amount, currency: self.currency } }
    }

    /// The amount without its sign.
    #[must_use]
    pub fn absolute(self) -> Self {
        Self { amount: self.amount.abs(), currency: self.currency }
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.amount.is_sign_negative() && !self.amount.is_zero()
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        !self.amount.is_zero() && !self.is_negative()
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed(self.currency, other.currency)) }
    }

    /// The amount, with the currency's decimals.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub fn currency(self) -> CurrencyCode {
        self.currency
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> CurrencyCode {
        text.parse().expect("a currency")
    }

    fn money(amount: &str, currency: &str) -> Result<Money, MoneyError> {
        Money::new(amount.parse().expect("a number"), code(currency))
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        assert_eq!(money("0.1", "USD").expect("fits").amount().to_string(), "0.10");
        assert_eq!(money("5", "JPY").expect("fits").amount().to_string(), "5");
        assert_eq!(money("1.5", "KWD").expect("fits").amount().to_string(), "1.500");
        assert!(matches!(money("5.5", "JPY"), Err(MoneyError::TooFine { digits: 0, .. })));
        assert!(matches!(money("0.001", "EUR"), Err(MoneyError::TooFine { digits: 2, .. })));
        assert_eq!(money("5.00", "JPY").expect("zeros are no decimals").amount().to_string(), "5");
    }

    #[test]
    fn nothing_has_no_sign() {
        let one = money("1", "USD").expect("fits");
        let nothing = Money::zero(code("USD"));
        let made = [nothing.negated(), nothing.minus(nothing).expect("fits"), one.minus(one).expect("fits")];
        assert!(made.iter().all(|money| money.amount().to_string() == "0.00"), "{made:?}");
        assert_eq!(money("-0.00", "USD").expect("fits").amount().to_string(), "0.00");
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for text in ["usd", "XXX", "ABC", "", "EURO"] {
            assert!(text.parse::<CurrencyCode>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_half_is_rounded_to_even() {
        let cent = money("0.05", "USD").expect("fits");
        assert_eq!(cent.times("0.5".parse().expect("a number")).expect("fits").amount().to_string(), "0.02");
        assert_eq!(cent.times("0.7".parse().expect("a number")).expect("fits").amount().to_string(), "0.04");
    }

    #[test]
    fn two_currencies_are_never_added() {
        let sum = money("1", "USD").expect("fits").plus(money("1", "EUR").expect("fits"));
        assert_eq!(sum, Err(MoneyError::Mixed(code("USD"), code("EUR"))));
    }

    proptest! {
        #[test]
        fn adding_and_taking_away_gives_back_the_amount(
            a in -1_000_000_000_000_i64..1_000_000_000_000,
            b in -1_000_000_000_000_i64..1_000_000_000_000,
            currency in prop::sample::select(vec!["JPY", "USD", "EUR", "KWD"]),
        ) {
            let currency = code(currency);
            let money = |minor: i64| Money::new(Decimal::new(minor, currency.digits()), currency).expect("fits");
            let there_and_back = money(a).plus(money(b)).and_then(|sum| sum.minus(money(b)));
            prop_assert_eq!(there_and_back, Ok(money(a)));
        }

        #[test]
        fn any_text_is_a_currency_or_is_refused_without_a_crash(text in ".*") {
            let _read = text.parse::<CurrencyCode>();
        }
    }
}
