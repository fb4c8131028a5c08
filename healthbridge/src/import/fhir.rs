//! What is taken over of FHIR R4 resources. Fields that we have no place for are left where they are.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use healthbridge_patients::{ForeignPatient, ForeignPractitioner};
use healthbridge_terms::{
    Address, AdministrativeGender, Coded, ContactPoint, ContactSystem, HumanName, Identifier, IdentifierUse, NameUse,
};
use serde::Deserialize;

/// The namespace of US National Provider Identifiers.
const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patient {
    #[serde(default)]
    identifier: Vec<FhirIdentifier>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    name: Vec<FhirName>,
    #[serde(default)]
    telecom: Vec<FhirContact>,
    gender: Option<String>,
    birth_date: Option<String>,
    deceased_date_time: Option<String>,
    #[serde(default)]
    address: Vec<FhirAddress>,
    #[serde(default)]
    general_practitioner: Vec<Reference>,
}

#[derive(Deserialize)]
struct Practitioner {
    #[serde(default)]
    identifier: Vec<FhirIdentifier>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    name: Vec<FhirName>,
}

#[derive(Deserialize)]
struct FhirIdentifier {
    system: Option<String>,
    value: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
}

#[derive(Deserialize)]
struct FhirName {
    #[serde(rename = "use")]
    purpose: Option<String>,
    text: Option<String>,
    family: Option<String>,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default)]
    prefix: Vec<String>,
    #[serde(default)]
    suffix: Vec<String>,
}

#[derive(Deserialize)]
struct FhirContact {
    system: Option<String>,
    value: Option<String>,
    rank: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FhirAddress {
    #[serde(default)]
    line: Vec<String>,
    city: Option<String>,
    district: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

/// A reference to another resource.
#[derive(Deserialize)]
pub(super) struct Reference {
    reference: Option<String>,
}

impl Reference {
    /// The name of what it refers to, in a resource with this name.
    pub(super) fn resolved(&self, source: &str) -> Result<String, String> {
        let reference = self.reference.as_deref().ok_or("a reference names nothing")?;
        Ok(resolve(source, reference))
    }
}

/// A relative reference (`Patient/7`) in a resource of a server (`https://a.example/fhir/Claim/9`) is about the same server.
fn resolve(source: &str, reference: &str) -> String {
    let base = source.rsplitn(3, '/').nth(2).filter(|base| base.contains("://"));
    match base {
        Some(base) if !reference.contains(':') => format!("{base}/{reference}"),
        _ => reference.to_owned(),
    }
}

fn yes() -> bool {
    true
}

/// Reads a Patient.
///
/// # Errors
/// Says why it cannot be taken over.
pub(super) fn patient(source: String, json: &str) -> Result<ForeignPatient, String> {
    let patient: Patient = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let general_practitioner = patient.general_practitioner.iter().find_map(|one| one.resolved(&source).ok());
    Ok(ForeignPatient {
        source,
        name: name(patient.name)?,
        gender: code(patient.gender.as_deref()).unwrap_or(AdministrativeGender::Unknown),
        birth_date: patient.birth_date.as_deref().map(birth_date).transpose()?.flatten(),
        deceased_at: patient.deceased_date_time.as_deref().map(|text| moment("deceasedDateTime", text)).transpose()?,
        telecom: patient.telecom.into_iter().filter_map(contact).collect(),
        addresses: patient.address.into_iter().map(Address::from).collect(),
        identifiers: patient.identifier.into_iter().filter_map(identifier).collect(),
        general_practitioner,
        active: patient.active,
    })
}

/// Reads a Practitioner.
///
/// # Errors
/// Says why it cannot be taken over.
pub(super) fn practitioner(source: String, json: &str) -> Result<ForeignPractitioner, String> {
    let practitioner: Practitioner = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let identifiers = practitioner.identifier.into_iter().filter_map(identifier).collect::<Vec<_>>();
    // Elsewhere than in the United States a practitioner's first identifier is the national one.
    let licence = identifiers.iter().find(|one| one.system == NPI).or(identifiers.first());
    let licence_number = licence.map(|one| one.value.clone());
    Ok(ForeignPractitioner { source, name: name(practitioner.name)?, licence_number, active: practitioner.active })
}

/// The value of a code that we know.
fn code<T: Coded>(code: Option<&str>) -> Option<T> {
    code.and_then(T::from_fhir)
}

/// The official name, or else the first.
fn name(mut names: Vec<FhirName>) -> Result<HumanName, String> {
    let place = names.iter().position(|name| name.purpose.as_deref() == Some("official")).unwrap_or_default();
    if names.is_empty() {
        return Err("name: it has none".to_owned());
    }
    let name = names.swap_remove(place);
    let (family, given) = match (name.family, name.text) {
        (Some(family), _) => (family, name.given),
        // A name that is written in one piece: nobody knows which part is which.
        (None, Some(text)) => (text, Vec::new()),
        (None, None) => return Err("name: it has neither family nor text".to_owned()),
    };
    let name_use = code(name.purpose.as_deref()).unwrap_or(NameUse::Official);
    Ok(HumanName { name_use, family, given, prefix: name.prefix, suffix: name.suffix })
}

/// A FHIR date may be a year or a month only: then we do not know the day, and have no birth date.
fn birth_date(text: &str) -> Result<Option<NaiveDate>, String> {
    match text.len() {
        4 | 7 => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("birthDate: {text:?} is no date")),
    }
}

/// A FHIR dateTime, of which a date alone is its midnight.
pub(super) fn moment(field: &str, text: &str) -> Result<DateTime<Utc>, String> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    let parsed = text.parse::<DateTime<Utc>>().ok().or_else(|| text.parse().ok().map(midnight));
    parsed.ok_or_else(|| format!("{field}: {text:?} is no time"))
}

fn contact(contact: FhirContact) -> Option<ContactPoint> {
    let system = code(contact.system.as_deref()).unwrap_or(ContactSystem::Other);
    Some(ContactPoint { system, value: contact.value?, rank: contact.rank })
}

fn identifier(identifier: FhirIdentifier) -> Option<Identifier> {
    let identifier_use = code(identifier.purpose.as_deref()).unwrap_or(IdentifierUse::Usual);
    Some(Identifier { system: identifier.system?, value: identifier.value?, identifier_use })
}

impl From<FhirAddress> for Address {
    fn from(address: FhirAddress) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_may_be_partial_and_times_a_date_only() {
        assert_eq!(birth_date("1980"), Ok(None));
        assert_eq!(birth_date("1980-02-29"), Ok(NaiveDate::from_ymd_opt(1980, 2, 29)));
        assert!(birth_date("1980-02-30").is_err());
        assert_eq!(moment("at", "2020-01-02"), moment("at", "2020-01-02T01:00:00+01:00"));
        assert!(moment("at", "soon").is_err());
    }

    #[test]
    fn the_official_name_is_taken_and_one_in_one_piece_is_kept() {
        let read = |json: &str| patient("s".to_owned(), json).map(|patient| patient.name.text());
        let two = r#"{"name":[{"use":"old","family":"Byron"},{"use":"official","family":"King","given":["Ada"]}]}"#;
        assert_eq!(read(two).as_deref(), Ok("Ada King"));
        assert_eq!(read(r#"{"name":[{"text":"Ada Lovelace"}]}"#).as_deref(), Ok("Ada Lovelace"));
        assert!(read("{}").is_err() && read(r#"{"name":[{}]}"#).is_err() && read(r#"{"name":"Ada"}"#).is_err());
    }

    #[test]
    fn a_relative_reference_is_about_the_server_of_its_resource() {
        let of = |source: &str, reference: &str| resolve(source, reference);
        assert_eq!(of("https://a.example/fhir/Claim/9", "Patient/7"), "https://a.example/fhir/Patient/7");
        assert_eq!(of("https://a.example/fhir/Claim/9", "https://b.example/Patient/7"), "https://b.example/Patient/7");
        assert_eq!(of("urn:uuid:9", "urn:uuid:7"), "urn:uuid:7");
        assert_eq!(of("Claim/9", "Patient/7"), "Patient/7");
    }
}
