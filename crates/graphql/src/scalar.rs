use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use healthbridge_outcome::is_known_year;
use uuid::Uuid;

/// A 64-bit integer. Answers as a string, because JSON numbers lose digits above 2^53; accepts a string or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigInt(pub i64);

/// A 64-bit integer. Answers as a string, because JSON numbers lose digits above 2^53; accepts a string or a number.
#[Scalar(name = "BigInt", specified_by_url = "https://www.w3.org/TR/xmlschema11-2/#long")]
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

/// A calendar date without time or zone (ISO 8601), such as `1970-12-31`, of the years 1 to 9999.
#[Scalar(name = "Date", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        // chrono alone would take `1970-1-1`, years of six digits and those before our era.
        let is_iso = text.len() == 10 && text.is_ascii();
        let date = is_iso.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        let date = date.filter(|date| is_known_year(date.year()));
        date.map(Self)
            .ok_or_else(|| InputValueError::custom("not a date of the form YYYY-MM-DD, of the years 1 to 9999"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// A point in time, to the microsecond: no finer than the database keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub DateTime<Utc>);

/// A point in time (RFC 3339), such as `1970-12-31T23:59:59.5+01:00`, of the years 1 to 9999. It is kept and answered in UTC,
/// to the microsecond.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for Time {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let time = text.parse::<DateTime<Utc>>().ok().filter(|time| is_known_year(time.year()));
        time.map(Self::from).ok_or_else(|| {
            InputValueError::custom("not a time of the form YYYY-MM-DDThh:mm:ssZ, of the years 1 to 9999")
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339())
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(6))
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

/// The present moment as everything that is made or changed is stamped with it: to the microsecond, as the database keeps
/// it, so that the first answer shows what every later one does.
#[expect(clippy::disallowed_methods, reason = "a request begins now")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
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
        for wrong in
            ["1970-1-1", "1970-02-30", "19701231", "+01970-12-3", "", "-999-01-01", "0000-01-01", "-9999-01-01"]
        {
            assert!(Date::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_cut_to_microseconds_and_one_of_a_strange_year_is_refused() {
        let time = Time::parse(Value::from("2026-01-01T01:00:00.123456789+01:00")).expect("a time");
        assert_eq!(time.to_value(), Value::from("2026-01-01T00:00:00.123456+00:00"));
        for right in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"] {
            assert!(Time::parse(Value::from(right)).is_ok(), "{right}");
        }
        let wrong = ["-9999-01-01T00:00:00Z", "+262142-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "2026-01-01", ""];
        for wrong in wrong.into_iter().chain(["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"]) {
            assert!(Time::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
    }
}
