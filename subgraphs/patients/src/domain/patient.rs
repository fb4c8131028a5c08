use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use super::{Mrn, folded};

/// FHIR administrative-gender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are FHIR's codes")]
pub enum AdministrativeGender {
    Male,
    Female,
    Other,
    Unknown,
}

/// FHIR name-use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are FHIR's codes")]
pub enum NameUse {
    Usual,
    Official,
    Temp,
    Nickname,
    Anonymous,
    Old,
    Maiden,
}

/// FHIR `HumanName`.
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

/// FHIR `ContactPoint` system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are FHIR's codes")]
pub enum ContactSystem {
    Phone,
    Fax,
    Email,
    Pager,
    Url,
    Sms,
    Other,
}

/// FHIR `ContactPoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// How to reach it.
    pub system: ContactSystem,
    /// The number or address.
    pub value: String,
    /// Order of preference, 1 first.
    pub rank: Option<i32>,
}

/// FHIR `Address`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street lines.
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

/// FHIR identifier-use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are FHIR's codes")]
pub enum IdentifierUse {
    Usual,
    Official,
    Temp,
    Secondary,
    Old,
}

/// FHIR `Identifier`, beside the medical record number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// The namespace's URI.
    pub system: String,
    /// The value in it.
    pub value: String,
    /// What it is for.
    pub identifier_use: IdentifierUse,
}

/// A patient (FHIR Patient).
#[derive(Clone, Debug)]
pub struct Patient {
    /// Our id.
    pub id: Uuid,
    /// Medical record number.
    pub mrn: Mrn,
    /// Whether the record is in use.
    pub active: bool,
    /// The name.
    pub name: HumanName,
    /// Gender for administration.
    pub gender: AdministrativeGender,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// When the patient died.
    pub deceased_at: Option<DateTime<Utc>>,
    /// Phone numbers and addresses of other kinds.
    pub telecom: Vec<ContactPoint>,
    /// Postal addresses.
    pub addresses: Vec<Address>,
    /// Further identifiers.
    pub identifiers: Vec<Identifier>,
    /// Known conditions.
    pub conditions: Vec<Condition>,
    /// The general practitioner.
    pub general_practitioner_id: Option<Uuid>,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
    pub version: i32,
}

/// A coded condition.
pub type Condition = healthbridge_graphql::Coding;

impl Patient {
    /// Completed years of age on a day, or at death.
    pub fn age_years(&self, today: NaiveDate) -> Option<i32> {
        let born = self.birth_date?;
        let day = self.deceased_at.map_or(today, |at| at.date_naive());
        let had_birthday = (day.month(), day.day()) >= (born.month(), born.day());
        Some(day.year() - born.year() - i32::from(!had_birthday))
    }
}
