use serde::{Deserialize, Serialize};

use crate::{coded, folded};

coded! {
    /// The gender of a person for administrative purposes (FHIR administrative-gender).
    pub enum AdministrativeGender {
        /// Male.
        Male,
        /// Female.
        Female,
        /// Other (FHIR `other`).
        Other,
        /// Unknown (FHIR `unknown`).
        Unknown,
    }
}

coded! {
    /// The purpose of a name (FHIR name-use).
    pub enum NameUse {
        /// Usually used.
        Usual,
        /// The official name.
        Official,
        /// Temporary.
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
    /// The purpose of the name (FHIR name-use).
    pub name_use: NameUse,
    /// Family name.
    pub family: String,
    /// Given names.
    pub given: Vec<String>,
    /// Parts before the name, such as `Dr.`.
    pub prefix: Vec<String>,
    /// Parts after the name, such as `Jr.` or academic degrees.
    pub suffix: Vec<String>,
}

impl HumanName {
    /// The whole name in its usual written form, for display.
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
        /// Any other kind.
        Other,
    }
}

/// A contact detail of a person: a telephone number, an email address and so on (FHIR ContactPoint).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// The kind of contact: telephone, email and so on.
    pub system: ContactSystem,
    /// The telephone number, email address or other contact value.
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
    /// The purpose of an identifier (FHIR identifier-use).
    pub enum IdentifierUse {
        /// Usually used.
        Usual,
        /// The official one.
        Official,
        /// Temporary.
        Temp,
        /// Used beside the usual one.
        Secondary,
        /// No longer used.
        Old,
    }
}

/// An identifier of a person in some system, such as an insurance number (FHIR Identifier).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// The URI of the identifier's namespace (FHIR Identifier.system).
    pub system: String,
    /// The value of the identifier within its system.
    pub value: String,
    /// The purpose of the identifier (FHIR identifier-use).
    pub identifier_use: IdentifierUse,
}
