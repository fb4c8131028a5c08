use serde::{Deserialize, Serialize};

use crate::{coded, folded};

coded! {
    /// Gender for administration (FHIR administrative-gender).
    pub enum AdministrativeGender {
        /// Male.
        Male,
        /// Female.
        Female,
        /// Neither male nor female.
        Other,
        /// Not known.
        Unknown,
    }
}

coded! {
    /// What a name is for (FHIR name-use).
    pub enum NameUse {
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
}

/// A person's name (FHIR HumanName).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HumanName {
    /// What the name is for.
    pub name_use: NameUse,
    /// Family name.
    pub family: String,
    /// Given names.
    pub given: Vec<String>,
    /// Titles before the name.
    pub prefix: Vec<String>,
    /// Parts behind the name.
    pub suffix: Vec<String>,
}

impl HumanName {
    /// The whole name as it is written.
    pub fn text(&self) -> String {
        let parts = self.prefix.iter().chain(&self.given).chain(std::iter::once(&self.family)).chain(&self.suffix);
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// What lists are sorted and searched by: [`folded`], family name first.
    pub fn sort_key(&self) -> String {
        let parts = std::iter::once(&self.family).chain(&self.given);
        parts.map(|part| folded(part)).collect::<Vec<_>>().join(" ")
    }

    /// What the first given name is searched by, [`folded`].
    pub fn sort_given(&self) -> String {
        self.given.first().map(|given| folded(given)).unwrap_or_default()
    }
}

coded! {
    /// How a person is reached (FHIR contact-point-system).
    pub enum ContactSystem {
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
}

/// A way to reach a person (FHIR ContactPoint).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// The way.
    pub system: ContactSystem,
    /// The number or address.
    pub value: String,
    /// Order of preference, 1 first.
    pub rank: Option<i32>,
}

/// A postal address (FHIR Address).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street lines.
    #[serde(default)]
    pub line: Vec<String>,
    /// City.
    pub city: Option<String>,
    /// District.
    pub district: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
}

coded! {
    /// What an identifier is for (FHIR identifier-use).
    pub enum IdentifierUse {
        /// Usually used.
        Usual,
        /// The official one.
        Official,
        /// For a time only.
        Temp,
        /// Used beside the usual one.
        Secondary,
        /// No longer used.
        Old,
    }
}

/// An identifier in somebody's namespace (FHIR Identifier).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// The namespace's URI.
    pub system: String,
    /// The value in it.
    pub value: String,
    /// What it is for.
    pub identifier_use: IdentifierUse,
}
