//! What patients and staff have in common with every person: FHIR's data types.

use async_graphql::{Enum, InputObject, SimpleObject};
use serde::Serialize;

use crate::domain;

/// What a name is for (FHIR name-use).
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::NameUse")]
pub(crate) enum NameUse {
    /// Usually used.
    Usual,
    /// The official name.
    Official,
    /// For a time only.
    Temp,
    /// A nickname.
    Nickname,
    /// A name that hides the person.
    Anonymous,
    /// No longer used.
    Old,
    /// The name before marriage.
    Maiden,
}

/// A person's name (FHIR HumanName).
#[derive(Clone, SimpleObject)]
pub(crate) struct HumanName {
    /// What the name is for.
    #[graphql(name = "use")]
    name_use: NameUse,
    /// The whole name as it is written.
    text: String,
    /// Family name.
    family: Option<String>,
    /// Given names.
    given: Vec<String>,
    /// Titles before the name.
    prefix: Vec<String>,
    /// Parts behind the name.
    suffix: Vec<String>,
}

impl From<&domain::HumanName> for HumanName {
    fn from(name: &domain::HumanName) -> Self {
        Self {
            name_use: name.name_use.into(),
            text: name.text(),
            family: Some(name.family.clone()),
            given: name.given.clone(),
            prefix: name.prefix.clone(),
            suffix: name.suffix.clone(),
        }
    }
}

/// A person's name (FHIR HumanName) as input.
#[derive(InputObject)]
pub(crate) struct HumanNameInput {
    /// Family name.
    family: String,
    /// Given names.
    given: Vec<String>,
    /// Titles before the name.
    prefix: Option<Vec<String>>,
    /// Parts behind the name.
    suffix: Option<Vec<String>>,
    /// What the name is for.
    #[graphql(name = "use", default_with = "NameUse::Official")]
    name_use: NameUse,
}

impl From<HumanNameInput> for domain::HumanName {
    fn from(input: HumanNameInput) -> Self {
        Self {
            name_use: input.name_use.into(),
            family: input.family,
            given: input.given,
            prefix: input.prefix.unwrap_or_default(),
            suffix: input.suffix.unwrap_or_default(),
        }
    }
}

/// How a person is reached (FHIR contact-point-system).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ContactSystem")]
pub(crate) enum ContactSystem {
    /// Telephone.
    Phone,
    /// Fax.
    Fax,
    /// Email.
    Email,
    /// Pager.
    Pager,
    /// A web address.
    Url,
    /// Text message.
    Sms,
    /// Another way.
    Other,
}

/// A way to reach a person (FHIR ContactPoint).
#[derive(Clone, SimpleObject)]
pub(crate) struct ContactPoint {
    /// The way.
    system: ContactSystem,
    /// The number or address.
    value: String,
    /// Order of preference, 1 first.
    rank: Option<i32>,
}

impl From<domain::ContactPoint> for ContactPoint {
    fn from(contact: domain::ContactPoint) -> Self {
        Self { system: contact.system.into(), value: contact.value, rank: contact.rank }
    }
}

/// A way to reach a person (FHIR ContactPoint) as input.
#[derive(InputObject)]
pub(crate) struct ContactPointInput {
    /// The way.
    system: ContactSystem,
    /// The number or address.
    value: String,
    /// Order of preference, 1 first.
    rank: Option<i32>,
}

impl From<ContactPointInput> for domain::ContactPoint {
    fn from(input: ContactPointInput) -> Self {
        Self { system: input.system.into(), value: input.value, rank: input.rank }
    }
}

/// A postal address (FHIR Address).
#[derive(Clone, SimpleObject)]
pub(crate) struct Address {
    /// Street lines.
    line: Vec<String>,
    /// City.
    city: Option<String>,
    /// District.
    district: Option<String>,
    /// State or province.
    state: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// Country.
    country: Option<String>,
}

impl From<domain::Address> for Address {
    fn from(address: domain::Address) -> Self {
        Self {
            line: address.line,
            city: address.city,
            district: address.district,
            state: address.state,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}

/// A postal address (FHIR Address) as input.
#[derive(InputObject)]
pub(crate) struct AddressInput {
    /// Street lines.
    line: Vec<String>,
    /// City.
    city: Option<String>,
    /// District.
    district: Option<String>,
    /// State or province.
    state: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// Country.
    country: String,
}

impl From<AddressInput> for domain::Address {
    fn from(input: AddressInput) -> Self {
        Self {
            line: input.line,
            city: input.city,
            district: input.district,
            state: input.state,
            postal_code: input.postal_code,
            country: Some(input.country),
        }
    }
}

/// What an identifier is for (FHIR identifier-use).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::IdentifierUse")]
pub(crate) enum IdentifierUse {
    /// Usually used.
    Usual,
    /// The official one.
    Official,
    /// For a time only.
    Temp,
    /// Of a secondary use.
    Secondary,
    /// No longer used.
    Old,
}

/// An identifier in somebody's namespace (FHIR Identifier).
#[derive(Clone, SimpleObject)]
pub(crate) struct Identifier {
    /// The namespace's URI.
    system: String,
    /// The value in it.
    value: String,
    /// What it is for.
    #[graphql(name = "use")]
    purpose: IdentifierUse,
}

impl From<domain::Identifier> for Identifier {
    fn from(identifier: domain::Identifier) -> Self {
        Self { system: identifier.system, value: identifier.value, purpose: identifier.identifier_use.into() }
    }
}

/// An identifier in somebody's namespace (FHIR Identifier) as input.
#[derive(InputObject)]
pub(crate) struct IdentifierInput {
    /// The namespace's URI.
    system: String,
    /// The value in it.
    value: String,
    /// What it is for.
    #[graphql(name = "use", default_with = "IdentifierUse::Usual")]
    identifier_use: IdentifierUse,
}

impl From<IdentifierInput> for domain::Identifier {
    fn from(input: IdentifierInput) -> Self {
        Self { system: input.system, value: input.value, identifier_use: input.identifier_use.into() }
    }
}
