//! What patients and staff have in common with every person: FHIR's data types.

use async_graphql::{InputObject, SimpleObject};
use healthbridge_graphql::Code;
use healthbridge_terms::{self as terms, ContactSystem, IdentifierUse, NameUse};

/// A person's name (FHIR HumanName).
#[derive(Clone, SimpleObject)]
pub(crate) struct HumanName {
    /// The purpose of the name (FHIR name-use).
    #[graphql(name = "use")]
    name_use: Code<NameUse>,
    /// The whole name in its usual written form, for display.
    text: String,
    /// Family name.
    family: Option<String>,
    /// Given names.
    given: Vec<String>,
    /// Parts before the name, such as `Dr.`.
    prefix: Vec<String>,
    /// Parts after the name, such as `Jr.` or academic degrees.
    suffix: Vec<String>,
}

impl From<&terms::HumanName> for HumanName {
    fn from(name: &terms::HumanName) -> Self {
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
    /// Parts before the name, such as `Dr.`.
    prefix: Option<Vec<String>>,
    /// Parts after the name, such as `Jr.` or academic degrees.
    suffix: Option<Vec<String>>,
    /// The purpose of the name (FHIR name-use).
    #[graphql(name = "use", default_with = "Code(NameUse::Official)")]
    name_use: Code<NameUse>,
}

impl From<HumanNameInput> for terms::HumanName {
    fn from(input: HumanNameInput) -> Self {
        Self {
            name_use: input.name_use.0,
            family: input.family,
            given: input.given,
            prefix: input.prefix.unwrap_or_default(),
            suffix: input.suffix.unwrap_or_default(),
        }
    }
}

/// A contact detail of a person: a telephone number, an email address and so on (FHIR ContactPoint).
#[derive(Clone, SimpleObject)]
pub(crate) struct ContactPoint {
    /// The kind of contact: telephone, email and so on.
    system: Code<ContactSystem>,
    /// The telephone number, email address or other contact value.
    value: String,
    /// Order of preference, 1 first.
    rank: Option<i32>,
}

impl From<&terms::ContactPoint> for ContactPoint {
    fn from(contact: &terms::ContactPoint) -> Self {
        Self { system: contact.system.into(), value: contact.value.clone(), rank: contact.rank }
    }
}

/// A contact detail of a person: a telephone number, an email address and so on (FHIR ContactPoint), as input.
#[derive(InputObject)]
pub(crate) struct ContactPointInput {
    /// The kind of contact: telephone, email and so on.
    system: Code<ContactSystem>,
    /// The telephone number, email address or other contact value.
    value: String,
    /// Order of preference, 1 first.
    rank: Option<i32>,
}

impl From<ContactPointInput> for terms::ContactPoint {
    fn from(input: ContactPointInput) -> Self {
        Self { system: input.system.0, value: input.value, rank: input.rank }
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

impl From<&terms::Address> for Address {
    fn from(address: &terms::Address) -> Self {
        let terms::Address { line, city, district, state, postal_code, country } = address.clone();
        Self { line, city, district, state, postal_code, country }
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

impl From<AddressInput> for terms::Address {
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

/// An identifier of a person in some system, such as an insurance number (FHIR Identifier).
#[derive(Clone, SimpleObject)]
pub(crate) struct Identifier {
    /// The URI of the identifier's namespace (FHIR Identifier.system).
    system: String,
    /// The value of the identifier within its system.
    value: String,
    /// The purpose of the identifier (FHIR identifier-use).
    #[graphql(name = "use")]
    purpose: Code<IdentifierUse>,
}

impl From<&terms::Identifier> for Identifier {
    fn from(identifier: &terms::Identifier) -> Self {
        let terms::Identifier { system, value, identifier_use } = identifier.clone();
        Self { system, value, purpose: Code(identifier_use) }
    }
}

/// An identifier of a person in some system, such as an insurance number (FHIR Identifier), as input.
#[derive(InputObject)]
pub(crate) struct IdentifierInput {
    /// The URI of the identifier's namespace (FHIR Identifier.system).
    system: String,
    /// The value of the identifier within its system.
    value: String,
    /// The purpose of the identifier (FHIR identifier-use).
    #[graphql(name = "use", default_with = "Code(IdentifierUse::Usual)")]
    identifier_use: Code<IdentifierUse>,
}

impl From<IdentifierInput> for terms::Identifier {
    fn from(input: IdentifierInput) -> Self {
        Self { system: input.system, value: input.value, identifier_use: input.identifier_use.0 }
    }
}
