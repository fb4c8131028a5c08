//! What claims and invoices become, and the FHIR R4 types that they have in common.

use chrono::{DateTime, Utc};
use healthbridge_billing::{ForeignLine, ForeignPayment, domain::Wanted};
use healthbridge_terms::{Coding, CurrencyCode, Money};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a resource says of a bill.
pub(super) struct Bill {
    /// The resource's name.
    pub resource: String,
    /// The bill's name. A claim and what the insurance says of it are about one bill.
    pub source: String,
    /// The patient's name.
    pub patient: String,
    /// What it is for, or why that cannot be read.
    pub lines: Result<Vec<ForeignLine>, String>,
    /// What was paid for it.
    pub payment: Option<ForeignPayment>,
}

impl Bill {
    /// How much of a batch it takes.
    pub fn size(&self) -> usize {
        1 + self.lines.as_ref().map_or(0, Vec::len)
    }
}

/// A concept, by codes or by a text.
#[derive(Default, Deserialize)]
pub(super) struct Concept {
    #[serde(default)]
    coding: Vec<FhirCoding>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct FhirCoding {
    system: Option<String>,
    code: Option<String>,
    display: Option<String>,
}

/// An amount.
#[derive(Deserialize)]
pub(super) struct FhirMoney {
    value: Option<Exact>,
    currency: Option<String>,
}

/// A number as it is written: never a float.
#[derive(Deserialize)]
pub(super) struct Exact(Box<RawValue>);

impl Exact {
    pub fn read(&self) -> Result<Decimal, String> {
        let text = self.0.get();
        let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        number.map_err(|_| format!("{text} is no exact decimal number"))
    }
}

impl FhirMoney {
    pub fn read(&self) -> Result<Money, String> {
        let (Some(value), Some(currency)) = (&self.value, &self.currency) else {
            return Err("an amount has no value or no currency".to_owned());
        };
        let currency: CurrencyCode = currency.parse().map_err(|error| format!("{error}"))?;
        Money::new(value.read()?, currency).map_err(|error| error.to_string())
    }
}

impl Concept {
    /// A concept that has a text only.
    pub fn of_text(text: Option<String>) -> Self {
        Self { coding: Vec::new(), text }
    }

    pub fn is(&self, code: &str) -> bool {
        self.coding.iter().any(|coding| coding.code.as_deref() == Some(code))
    }

    pub fn name(&self) -> Option<String> {
        let coding = || self.coding.iter().find_map(|coding| coding.display.clone().or_else(|| coding.code.clone()));
        self.text.clone().or_else(coding)
    }

    pub fn coding(&self) -> Option<Coding> {
        self.coding.iter().find_map(|coding| {
            let (system, code) = (coding.system.clone()?, coding.code.clone()?);
            Some(Coding { system, code, display: coding.display.clone(), version: None })
        })
    }
}

/// Refuses a value that is not one of these.
pub(super) fn only(value: Option<&str>, field: &str, taken: &[&str]) -> Result<(), String> {
    match value {
        Some(value) if taken.contains(&value) => Ok(()),
        Some(value) => Err(format!("{field}: {value} is not taken over")),
        None => Err(format!("{field}: it has none")),
    }
}

/// Why a bill whose lines do not come to its total is refused.
pub(super) fn mismatch(sum: Money, total: Money) -> String {
    format!("its lines come to {} {}, its total is {}", sum.amount(), sum.currency(), total.amount())
}

/// A line for what was given at a price.
pub(super) fn line(concept: &Concept, unnamed: &str, price: Priced, serviced_at: DateTime<Utc>) -> ForeignLine {
    ForeignLine {
        code: concept.coding(),
        description: concept.name().unwrap_or_else(|| unnamed.to_owned()),
        quantity: price.quantity,
        unit_price: price.unit.amount(),
        currency: price.unit.currency().to_string(),
        components: price.components,
        serviced_at,
    }
}

/// What an item costs.
pub(super) struct Priced {
    pub quantity: Decimal,
    pub unit: Money,
    /// What makes them the net amount.
    pub components: Vec<Wanted>,
    pub net: Money,
}

impl Priced {
    /// One thing at this price.
    pub fn whole(net: Money) -> Self {
        Self { quantity: Decimal::ONE, unit: net, components: Vec::new(), net }
    }
}
