use async_graphql::{InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use healthbridge_terms as terms;

/// An exact decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(pub rust_decimal::Decimal);

/// An exact decimal number as a string, never a float. An amount of money has exactly its currency's decimals, such as
/// `"0.10"` for USD. Accepts a string, or a whole number.
#[Scalar(name = "Decimal", specified_by_url = "https://www.w3.org/TR/xmlschema11-2/#decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => return Err(InputValueError::custom("send decimals as a string: floats are not exact")),
            _ => return Err(InputValueError::expected_type(value)),
        };
        let is_plain =
            text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let number = is_plain.then(|| rust_decimal::Decimal::from_str_exact(&text).ok()).flatten();
        number.map(Self).ok_or_else(|| InputValueError::custom("not a decimal number such as \"12.50\""))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurrencyCode(pub terms::CurrencyCode);

/// The code of a currency with minor units (ISO 4217), such as `EUR`. An amount has no more decimals than its currency:
/// 0 for JPY, 2 for USD, 3 for KWD.
#[Scalar(name = "CurrencyCode", specified_by_url = "https://www.iso.org/iso-4217-currency-codes.html")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        text.parse().map(Self).map_err(|error: terms::MoneyError| InputValueError::custom(error.to_string()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

/// An exact amount in one currency.
#[derive(Clone, Copy, SimpleObject)]
pub(crate) struct Money {
    /// The amount, with exactly the currency's decimals.
    amount: Decimal,
    /// The currency.
    currency: CurrencyCode,
}

impl From<terms::Money> for Money {
    fn from(money: terms::Money) -> Self {
        Self { amount: Decimal(money.amount()), currency: CurrencyCode(money.currency()) }
    }
}

impl MoneyInput {
    /// Amount and currency, not yet checked against each other.
    pub(crate) fn into_parts(self) -> (rust_decimal::Decimal, String) {
        (self.amount.0, self.currency.0.to_string())
    }
}

/// An exact amount in one currency as input.
#[derive(InputObject)]
pub(crate) struct MoneyInput {
    /// The amount, with at most the currency's decimals.
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}
