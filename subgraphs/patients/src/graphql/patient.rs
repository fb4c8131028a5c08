use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use healthbridge_graphql::{ApiError, Coding, Date};
use serde::Serialize;

use super::{loaders::Loaders, staff::MedicalStaff};
use crate::domain;

/// Gender for administration (FHIR administrative-gender).
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::AdministrativeGender")]
pub(crate) enum AdministrativeGender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither of both.
    Other,
    /// Not known.
    Unknown,
}

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

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
pub(crate) struct Patient(pub(crate) Arc<domain::Patient>);

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[Object]
impl Patient {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Medical record number (HL7 v2-0203 `MR`): nine digits, the last one a Luhn check digit.
    async fn mrn(&self) -> &str {
        self.0.mrn.as_str()
    }

    /// Further identifiers.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn identifiers(&self) -> Option<Vec<Identifier>> {
        let all = self.0.identifiers.iter().map(|identifier| Identifier {
            system: identifier.system.clone(),
            value: identifier.value.clone(),
            purpose: identifier.identifier_use.into(),
        });
        Some(all.collect())
    }

    /// Whether the record is in use.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The name.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn name(&self) -> Option<HumanName> {
        Some(HumanName::from(&self.0.name))
    }

    /// Gender for administration.
    async fn gender(&self) -> AdministrativeGender {
        self.0.gender.into()
    }

    /// Birth date.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn birth_date(&self) -> Option<Date> {
        self.0.birth_date.map(Date)
    }

    /// Completed years of age today, or at death.
    async fn age_years(&self) -> Option<i32> {
        self.0.age_years(Utc::now().date_naive())
    }

    /// When the patient died.
    async fn deceased_at(&self) -> Option<DateTime<Utc>> {
        self.0.deceased_at
    }

    /// Ways to reach the patient.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn telecom(&self) -> Option<Vec<ContactPoint>> {
        let all = self.0.telecom.iter().map(|contact| ContactPoint {
            system: contact.system.into(),
            value: contact.value.clone(),
            rank: contact.rank,
        });
        Some(all.collect())
    }

    /// Postal addresses.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn addresses(&self) -> Option<Vec<Address>> {
        let all = self.0.addresses.iter().cloned().map(|address| Address {
            line: address.line,
            city: address.city,
            district: address.district,
            state: address.state,
            postal_code: address.postal_code,
            country: address.country,
        });
        Some(all.collect())
    }

    /// The general practitioner.
    async fn general_practitioner(&self, ctx: &Context<'_>) -> Result<Option<MedicalStaff>, ApiError> {
        match self.0.general_practitioner_id {
            Some(id) => Ok(Loaders::staff(ctx, id).await?.map(MedicalStaff)),
            None => Ok(None),
        }
    }

    /// Known conditions.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn conditions(&self) -> Option<Vec<Coding>> {
        Some(self.0.conditions.clone())
    }

    /// When the record was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the record was changed last.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
