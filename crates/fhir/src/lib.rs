//! FHIR R4 in JSON: bundles and bulk-data files, one resource at a time, and the resources that are taken over.
//!
//! A resource's struct has the elements that somebody here reads, by FHIR's names; everything else in it is passed over.
//! What an element means in our words is asked of it, and may be refused: one that is wrong need not spoil the others.
//!
//! Belongs here: what FHIR says. Does not belong here: what is made of it, and any file, database or HTTP.

#![expect(missing_docs, reason = "the elements mean what FHIR says, and the errors what they say themselves")]

mod bill;
mod datatypes;
mod person;
mod stream;

use healthbridge_terms::MoneyError;

pub use bill::{Adjudication, Claim, ExplanationOfBenefit, Invoice, Item, LineItem, Payment, PriceComponent};
pub use datatypes::{Amount, Concept, Date, DateTime, Number, Period, Quantity, Reference};
pub use person::{Names, Patient, Practitioner};
pub use stream::{RawResource, StreamError, read_bundle, read_lines};

/// Why an element cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("name: it has none")]
    NoName,
    #[error("name: it has neither family nor text")]
    EmptyName,
    #[error("{0:?} is no date")]
    Date(String),
    #[error("{0:?} is no time")]
    Time(String),
    #[error("a reference names nothing")]
    Reference,
    #[error("{0} is no exact decimal number")]
    Number(String),
    #[error("an amount has no value or no currency")]
    Amount,
    #[error(transparent)]
    Money(#[from] MoneyError),
}
