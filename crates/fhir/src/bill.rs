use serde::Deserialize;

use crate::{Amount, Concept, DateTime, Number, Period, Quantity, Reference};

/// A Claim: what an insurance is asked to pay.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    pub status: Option<String>,
    #[serde(rename = "use")]
    pub purpose: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<Concept>,
    pub patient: Reference,
    pub created: Option<DateTime>,
    pub billable_period: Option<Period>,
    #[serde(default)]
    pub item: Vec<Item>,
    pub total: Option<Amount>,
}

/// An ExplanationOfBenefit: what an insurance says of a claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationOfBenefit {
    pub status: Option<String>,
    #[serde(rename = "use")]
    pub purpose: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<Concept>,
    pub patient: Reference,
    pub created: Option<DateTime>,
    pub billable_period: Option<Period>,
    pub claim: Option<Reference>,
    #[serde(default)]
    pub item: Vec<Item>,
    #[serde(default)]
    pub total: Vec<Adjudication>,
    pub payment: Option<Payment>,
}

/// A service of a claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub product_or_service: Option<Concept>,
    pub serviced_date: Option<DateTime>,
    pub serviced_period: Option<Period>,
    pub quantity: Option<Quantity>,
    pub unit_price: Option<Amount>,
    pub factor: Option<Number>,
    pub net: Option<Amount>,
    #[serde(default)]
    pub adjudication: Vec<Adjudication>,
}

/// An amount of a category, such as `submitted` or `benefit`.
#[derive(Clone, Debug, Deserialize)]
pub struct Adjudication {
    pub category: Concept,
    pub amount: Option<Amount>,
}

/// What an insurance pays.
#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    pub amount: Option<Amount>,
}

/// An Invoice.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    pub status: Option<String>,
    pub subject: Option<Reference>,
    pub date: Option<DateTime>,
    #[serde(default)]
    pub line_item: Vec<LineItem>,
    pub total_gross: Option<Amount>,
}

/// A service of an invoice.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineItem {
    pub charge_item_codeable_concept: Option<Concept>,
    pub charge_item_reference: Option<Reference>,
    #[serde(default)]
    pub price_component: Vec<PriceComponent>,
}

/// A part of a price.
#[derive(Clone, Debug, Deserialize)]
pub struct PriceComponent {
    #[serde(rename = "type")]
    pub kind: String,
    pub code: Option<Concept>,
    pub factor: Option<Number>,
    pub amount: Option<Amount>,
}
