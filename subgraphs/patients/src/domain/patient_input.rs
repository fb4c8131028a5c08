//! What a patient's record may consist of, for registering and updating alike.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use healthbridge_outcome::{Refusals, UserErrorCode};
use healthbridge_terms::{Address, Coding, ContactPoint, HumanName, Identifier};

/// Most entries of a list in one record.
const MOST: usize = 50;

/// Reads a name: trimmed, with a family name.
pub(crate) fn name(refusals: &mut Refusals, name: &HumanName) -> HumanName {
    let mut lines = |field: &str, values: &[String]| {
        few(refusals, field, values);
        values.iter().enumerate().map(|(place, value)| refusals.line(&format!("{field}.{place}"), value)).collect()
    };
    let (given, prefix, suffix) =
        (lines("name.given", &name.given), lines("name.prefix", &name.prefix), lines("name.suffix", &name.suffix));
    HumanName { name_use: name.name_use, family: refusals.line("name.family", &name.family), given, prefix, suffix }
}

pub(crate) fn birth_date(refusals: &mut Refusals, date: Option<NaiveDate>, today: NaiveDate) {
    if date.is_some_and(|date| date > today || date.year() < 1850) {
        refusals.add("birthDate", UserErrorCode::OutOfRange, "A birth date is between 1850 and today");
    }
}

pub(crate) fn death(refusals: &mut Refusals, at: Option<DateTime<Utc>>, born: Option<NaiveDate>, now: DateTime<Utc>) {
    let is_before_birth = |at: DateTime<Utc>| born.is_some_and(|born| at.date_naive() < born);
    if at.is_some_and(|at| at > now || at.year() < 1850 || is_before_birth(at)) {
        refusals.add("deceasedAt", UserErrorCode::OutOfRange, "A death is between the birth and now");
    }
}

pub(crate) fn telecom(refusals: &mut Refusals, contacts: &[ContactPoint]) -> Vec<ContactPoint> {
    few(refusals, "telecom", contacts);
    let one = |(place, contact): (usize, &ContactPoint)| {
        if contact.rank.is_some_and(|rank| rank < 1) {
            let message = "A rank is a positive number (FHIR positiveInt)";
            refusals.add(&format!("telecom.{place}.rank"), UserErrorCode::OutOfRange, message);
        }
        ContactPoint { value: refusals.line(&format!("telecom.{place}.value"), &contact.value), ..contact.clone() }
    };
    contacts.iter().enumerate().map(one).collect()
}

pub(crate) fn addresses(refusals: &mut Refusals, addresses: &[Address]) -> Vec<Address> {
    few(refusals, "addresses", addresses);
    let one = |(place, address): (usize, &Address)| {
        let at = |field: &str| format!("addresses.{place}.{field}");
        few(refusals, &at("line"), &address.line);
        let lines = address.line.iter().enumerate();
        let line = lines.map(|(number, line)| refusals.line(&at(&format!("line.{number}")), line)).collect();
        let mut part = |field: &str, value: &Option<String>| refusals.optional_line(&at(field), value.as_deref());
        Address {
            line,
            city: part("city", &address.city),
            district: part("district", &address.district),
            state: part("state", &address.state),
            postal_code: part("postalCode", &address.postal_code),
            country: part("country", &address.country),
        }
    };
    addresses.iter().enumerate().map(one).collect()
}

pub(crate) fn identifiers(refusals: &mut Refusals, identifiers: &[Identifier]) -> Vec<Identifier> {
    few(refusals, "identifiers", identifiers);
    let one = |(place, identifier): (usize, &Identifier)| Identifier {
        system: refusals.line(&format!("identifiers.{place}.system"), &identifier.system),
        value: refusals.line(&format!("identifiers.{place}.value"), &identifier.value),
        identifier_use: identifier.identifier_use,
    };
    identifiers.iter().enumerate().map(one).collect()
}

pub(crate) fn conditions(refusals: &mut Refusals, conditions: &[Coding]) -> Vec<Coding> {
    few(refusals, "conditions", conditions);
    let all = conditions.iter().enumerate();
    all.map(|(place, condition)| refusals.coding(&format!("conditions.{place}"), condition)).collect()
}

fn few<T>(refusals: &mut Refusals, field: &str, list: &[T]) {
    if list.len() > MOST {
        refusals.add(field, UserErrorCode::OutOfRange, format!("The list has more than {MOST} entries"));
    }
}
