//! What claims and invoices become.

use anyhow::{anyhow, bail};
use chrono::{DateTime, Utc};
use healthbridge_billing::{ForeignLine, ForeignPayment, domain::Wanted};
use healthbridge_fhir::Concept;
use healthbridge_terms::Money;
use rust_decimal::Decimal;

/// What a resource says of a bill.
pub(super) struct Bill {
    /// The resource's name.
    pub resource: String,
    /// The bill's name. A claim and what the insurance says of it are about one bill.
    pub source: String,
    /// The patient's name.
    pub patient: String,
    /// What it is for, or why that cannot be read.
    pub lines: anyhow::Result<Vec<ForeignLine>>,
    /// What was paid for it.
    pub payment: Option<ForeignPayment>,
}

impl Bill {
    /// How much of a batch it takes.
    pub fn size(&self) -> usize {
        1 + self.lines.as_ref().map_or(0, Vec::len)
    }
}

/// Refuses a value that is not one of these.
pub(super) fn only(value: Option<&str>, field: &str, taken: &[&str]) -> anyhow::Result<()> {
    match value {
        Some(value) if taken.contains(&value) => Ok(()),
        Some(value) => bail!("{field}: {value} is not taken over"),
        None => bail!("{field}: it has none"),
    }
}

/// Why a bill whose lines do not come to its total is refused.
pub(super) fn mismatch(sum: Money, total: Money) -> anyhow::Error {
    anyhow!("its lines come to {} {}, its total is {}", sum.amount(), sum.currency(), total.amount())
}

/// A line for what was given at a price.
pub(super) fn line(
    concept: Option<&Concept>,
    unnamed: String,
    price: Priced,
    serviced_at: DateTime<Utc>,
) -> ForeignLine {
    ForeignLine {
        code: concept.and_then(Concept::coding),
        description: concept.and_then(Concept::name).unwrap_or(unnamed),
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
