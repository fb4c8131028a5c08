use healthbridge_terms::{
    Address, AdministrativeGender, ContactPoint, ContactSystem, HumanName, Identifier, IdentifierUse, NameUse,
};
use serde::{Deserialize, Deserializer};

use crate::{
    Date, DateTime, Reference, Unreadable,
    datatypes::{code, texts},
};

/// A Patient.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    #[serde(default, deserialize_with = "identifiers")]
    pub identifier: Vec<Identifier>,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub name: Names,
    #[serde(default, deserialize_with = "contacts")]
    pub telecom: Vec<ContactPoint>,
    #[serde(default, deserialize_with = "code")]
    pub gender: Option<AdministrativeGender>,
    pub birth_date: Option<Date>,
    pub deceased_date_time: Option<DateTime>,
    #[serde(default, deserialize_with = "addresses")]
    pub address: Vec<Address>,
    #[serde(default)]
    pub general_practitioner: Vec<Reference>,
}

/// A Practitioner.
#[derive(Clone, Debug, Deserialize)]
pub struct Practitioner {
    #[serde(default, deserialize_with = "identifiers")]
    pub identifier: Vec<Identifier>,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub name: Names,
}

fn yes() -> bool {
    true
}

/// The names of a person.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Names(Vec<WrittenName>);

#[derive(Clone, Debug, Deserialize)]
struct WrittenName {
    #[serde(rename = "use", default, deserialize_with = "code")]
    name_use: Option<NameUse>,
    text: Option<String>,
    family: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    given: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    prefix: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    suffix: Vec<String>,
}

impl Names {
    /// The official name, or else the first.
    pub fn official(mut self) -> Result<HumanName, Unreadable> {
        if self.0.is_empty() {
            return Err(Unreadable::NoName);
        }
        let place = self.0.iter().position(|name| name.name_use == Some(NameUse::Official)).unwrap_or_default();
        let WrittenName { name_use, text, family, given, prefix, suffix } = self.0.swap_remove(place);
        let (family, given) = match (family, text) {
            (Some(family), _) => (family, given),
            // A name that is written in one piece: nobody knows which part is which.
            (None, Some(text)) => (text, Vec::new()),
            (None, None) => return Err(Unreadable::EmptyName),
        };
        Ok(HumanName { name_use: name_use.unwrap_or(NameUse::Official), family, given, prefix, suffix })
    }
}

/// Identifiers; without those that have no namespace or no value.
fn identifiers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Identifier>, D::Error> {
    #[derive(Deserialize)]
    struct Written {
        system: Option<String>,
        value: Option<String>,
        #[serde(rename = "use", default, deserialize_with = "code")]
        identifier_use: Option<IdentifierUse>,
    }
    let read = |Written { system, value, identifier_use }: Written| {
        let identifier_use = identifier_use.unwrap_or(IdentifierUse::Usual);
        Some(Identifier { system: system?, value: value?, identifier_use })
    };
    Ok(Vec::deserialize(deserializer)?.into_iter().filter_map(read).collect())
}

/// Ways to reach somebody; without those that have no value.
fn contacts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ContactPoint>, D::Error> {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default, deserialize_with = "code")]
        system: Option<ContactSystem>,
        value: Option<String>,
        rank: Option<i32>,
    }
    let read = |Written { system, value, rank }: Written| {
        Some(ContactPoint { system: system.unwrap_or(ContactSystem::Other), value: value?, rank })
    };
    Ok(Vec::deserialize(deserializer)?.into_iter().filter_map(read).collect())
}

/// Postal addresses.
fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        #[serde(default, deserialize_with = "texts")]
        line: Vec<String>,
        city: Option<String>,
        district: Option<String>,
        state: Option<String>,
        postal_code: Option<String>,
        country: Option<String>,
    }
    let read = |Written { line, city, district, state, postal_code, country }: Written| Address {
        line,
        city,
        district,
        state,
        postal_code,
        country,
    };
    Ok(Vec::deserialize(deserializer)?.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Patient> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn the_official_name_is_taken_and_one_in_one_piece_is_kept() {
        let name = |json: &str| read(json)?.name.official().ok().map(|name| name.text());
        let two = r#"{"name":[{"use":"old","family":"Byron"},{"use":"official","family":"King","given":["Ada"]}]}"#;
        assert_eq!(name(two).as_deref(), Some("Ada King"));
        assert_eq!(name(r#"{"name":[{"text":"Ada Lovelace"}]}"#).as_deref(), Some("Ada Lovelace"));
        assert!(name("{}").is_none() && name(r#"{"name":[{}]}"#).is_none() && name(r#"{"name":"Ada"}"#).is_none());
    }

    #[test]
    fn a_text_of_which_only_extensions_are_known_keeps_no_other_one() {
        let patient = read(
            r#"{"name":[{"family":"King","given":[null,"Ada"],"_given":[{"extension":[{"url":"urn:x"}]},null],
                "prefix":[null],"suffix":["PhD",null]}],"address":[{"line":[null,"12 St James's Square"],"_line":[{"id":"1"},null]}]}"#,
        )
        .expect("readable");
        assert_eq!(patient.address[0].line, ["12 St James's Square"]);
        let HumanName { given, prefix, suffix, .. } = patient.name.official().expect("a name");
        assert_eq!((given, prefix, suffix), (vec!["Ada".to_owned()], vec![], vec!["PhD".to_owned()]));
    }

    #[test]
    fn what_real_systems_send_is_read() {
        let patient = read(
            r#"{"resourceType":"Patient","_birthDate":{"extension":[{"url":"urn:x"}]},"birthDate":"1980-02-31",
                "gender":"Female","invented":1,"address":[{"postalCode":"02101"}],"name":[{"use":"birth","family":"King"}],
                "telecom":[{"system":"telegram","value":"@ada"},{"system":"phone"}],
                "identifier":[{"use":"strange","system":"urn:s","value":"1"},{"value":"2"}]}"#,
        )
        .expect("readable");
        let contact = ContactPoint { system: ContactSystem::Other, value: "@ada".to_owned(), rank: None };
        assert_eq!((patient.gender, patient.telecom), (None, vec![contact]));
        assert_eq!((patient.identifier.len(), patient.identifier[0].identifier_use), (1, IdentifierUse::Usual));
        assert_eq!(patient.address[0].postal_code.as_deref(), Some("02101"));
        assert_eq!(patient.name.official().expect("a name").name_use, NameUse::Official);
        let day = patient.birth_date.expect("something is written").day();
        assert_eq!(day, Err(Unreadable::Date("1980-02-31".to_owned())));
    }
}
