use chrono::{NaiveDate, NaiveTime, Utc};
use healthbridge_terms::{Coded, Coding, Money};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Unreadable;

/// A date as it is written: a day, a month or a year.
#[derive(Clone, Debug, Deserialize)]
pub struct Date(String);

impl Date {
    /// The day; none where only the month or the year is known.
    pub fn day(&self) -> Result<Option<NaiveDate>, Unreadable> {
        match self.0.len() {
            4 | 7 => Ok(None),
            _ => self.0.parse().map(Some).map_err(|_| Unreadable::Date(self.0.clone())),
        }
    }
}

/// A dateTime as it is written.
#[derive(Clone, Debug, Deserialize)]
pub struct DateTime(String);

impl DateTime {
    /// The moment; of a date alone it is its midnight.
    pub fn moment(&self) -> Result<chrono::DateTime<Utc>, Unreadable> {
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
        let moment = self.0.parse().ok().or_else(|| self.0.parse().ok().map(midnight));
        moment.ok_or_else(|| Unreadable::Time(self.0.clone()))
    }
}

/// The time from a moment to another.
#[derive(Clone, Debug, Deserialize)]
pub struct Period {
    pub start: Option<DateTime>,
}

/// A reference to another resource.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    pub reference: Option<String>,
    pub display: Option<String>,
}

impl Reference {
    /// The name of what it refers to, in a resource with this name: a relative reference (`Patient/7`) in a resource of a
    /// server (`https://a.example/fhir/Claim/9`) is about the same server.
    pub fn resolved(&self, source: &str) -> Result<String, Unreadable> {
        let reference = self.reference.as_deref().ok_or(Unreadable::Reference)?;
        let base = source.rsplitn(3, '/').nth(2).filter(|base| base.contains("://"));
        Ok(match base {
            Some(base) if !reference.contains(':') => format!("{base}/{reference}"),
            _ => reference.to_owned(),
        })
    }
}

/// A CodeableConcept: a concept by codes or by a text.
#[derive(Clone, Debug, Deserialize)]
pub struct Concept {
    #[serde(default)]
    coding: Vec<WrittenCoding>,
    text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct WrittenCoding {
    system: Option<String>,
    code: Option<String>,
    display: Option<String>,
}

impl Concept {
    /// Whether one of its codes is this one, in whatever system.
    pub fn is(&self, code: &str) -> bool {
        self.coding.iter().any(|coding| coding.code.as_deref() == Some(code))
    }

    /// What people call it.
    pub fn name(&self) -> Option<String> {
        let coding = || self.coding.iter().find_map(|coding| coding.display.clone().or_else(|| coding.code.clone()));
        self.text.clone().or_else(coding)
    }

    /// The first of its codes that is one of a system.
    pub fn coding(&self) -> Option<Coding> {
        self.coding.iter().find_map(|coding| {
            let (system, code) = (coding.system.clone()?, coding.code.clone()?);
            Some(Coding { system, code, display: coding.display.clone(), version: None })
        })
    }
}

/// A decimal as it is written: never a float.
#[derive(Clone, Debug, Deserialize)]
pub struct Number(Box<RawValue>);

impl Number {
    /// The number.
    pub fn exact(&self) -> Result<Decimal, Unreadable> {
        let text = self.0.get();
        let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        number.map_err(|_| Unreadable::Number(text.to_owned()))
    }
}

/// A Quantity.
#[derive(Clone, Debug, Deserialize)]
pub struct Quantity {
    pub value: Option<Number>,
}

/// A Money as it is written.
#[derive(Clone, Debug, Deserialize)]
pub struct Amount {
    value: Option<Number>,
    currency: Option<String>,
}

impl Amount {
    /// The amount, which fits its currency.
    pub fn money(&self) -> Result<Money, Unreadable> {
        let (value, currency) = self.value.as_ref().zip(self.currency.as_ref()).ok_or(Unreadable::Amount)?;
        let currency = currency.parse()?;
        Ok(Money::new(value.exact()?, currency)?)
    }
}

/// Reads a code; one that we do not know is none.
pub(crate) fn code<'de, D: Deserializer<'de>, T: Coded>(deserializer: D) -> Result<Option<T>, D::Error> {
    let code = Option::<String>::deserialize(deserializer)?;
    Ok(code.as_deref().and_then(T::from_fhir))
}

/// Reads a list of texts. One of them is null where only its extensions are known: they are in a list beside it.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Option<String>>::deserialize(deserializer)?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_may_be_partial_and_times_a_date_only() {
        let day = |text: &str| Date(text.to_owned()).day();
        let moment = |text: &str| DateTime(text.to_owned()).moment();
        assert_eq!(day("1980"), Ok(None));
        assert_eq!(day("1980-02-29"), Ok(NaiveDate::from_ymd_opt(1980, 2, 29)));
        assert!(day("1980-02-30").is_err());
        assert_eq!(moment("2020-01-02"), moment("2020-01-02T01:00:00+01:00"));
        assert!(moment("soon").is_err());
    }

    #[test]
    fn a_relative_reference_is_about_the_server_of_its_resource() {
        let of = |source: &str, reference: &str| {
            let reference = Reference { reference: Some(reference.to_owned()), display: None };
            reference.resolved(source).expect("a reference")
        };
        assert_eq!(of("https://a.example/fhir/Claim/9", "Patient/7"), "https://a.example/fhir/Patient/7");
        assert_eq!(of("https://a.example/fhir/Claim/9", "https://b.example/Patient/7"), "https://b.example/Patient/7");
        assert_eq!(of("urn:uuid:9", "urn:uuid:7"), "urn:uuid:7");
        assert_eq!(of("Claim/9", "Patient/7"), "Patient/7");
    }
}
