use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;
use uuid::Uuid;

/// A 64-bit integer. Answers as a string, because JSON numbers lose digits above 2^53; accepts a string or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigInt(pub i64);

/// A 64-bit integer. Answers as a string, because JSON numbers lose digits above 2^53; accepts a string or a number.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        parsed.map(Self).ok_or_else(|| InputValueError::custom("not a 64-bit integer"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A calendar date (ISO 8601), as `1970-12-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub NaiveDate);

/// A calendar date without time or zone (ISO 8601), such as `1970-12-31`.
#[Scalar(name = "Date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        // chrono alone would take `1970-1-1` and years of six digits.
        let is_iso = text.len() == 10 && text.is_ascii();
        let date = is_iso.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        date.map(Self).ok_or_else(|| InputValueError::custom("not a date of the form YYYY-MM-DD"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// Reads an id of ours. What is no UUID names nothing: the caller answers as for an absent row.
pub fn parse_id(id: &ID) -> Option<Uuid> {
    Uuid::try_parse(id.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_big_int_travels_as_a_string_and_is_read_from_both() {
        assert_eq!(BigInt(i64::MAX).to_value(), Value::String("9223372036854775807".to_owned()));
        assert_eq!(BigInt::parse(Value::from("9223372036854775807")).ok(), Some(BigInt(i64::MAX)));
        assert_eq!(BigInt::parse(Value::from(42)).ok(), Some(BigInt(42)));
        assert!(BigInt::parse(Value::from("4.2")).is_err());
    }

    #[test]
    fn a_date_is_read_in_its_full_form_only() {
        assert!(Date::parse(Value::from("1970-12-31")).is_ok());
        for wrong in ["1970-1-1", "1970-02-30", "19701231", "+01970-12-3", ""] {
            assert!(Date::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
    }
}
