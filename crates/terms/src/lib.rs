//! The words that hospitals share: FHIR R4's datatypes, money by ISO 4217, and enums of codes. No IO, no GraphQL.
//!
//! Belongs here: what several domains mean alike. Does not belong here: any one domain's objects and rules.

// What `coded!` writes names this crate, here too.
extern crate self as healthbridge_terms;

mod coded;
mod coding;
mod folded;
mod money;
mod person;

#[doc(hidden)]
pub use {serde, strum};

pub use coded::Coded;
pub use coding::Coding;
pub use folded::folded;
pub use money::{CurrencyCode, Money, MoneyError};
pub use person::{
    Address, AdministrativeGender, ContactPoint, ContactSystem, HumanName, Identifier, IdentifierUse, NameUse,
};
