//! Whether two records are of one person (FHIR Patient `$match`).
//!
//! A weighted comparison: a shared identifier decides alone, otherwise name and birth date carry the score and the rest
//! nudges it. `docs/decisions/0010-duplicates.md` has the weights and what they mean in practice.

use chrono::{Datelike, NaiveDate};

use healthbridge_terms::{AdministrativeGender, ContactSystem, HumanName, Identifier, coded, folded};

use super::Patient;

coded! {
    /// How sure it is that two records are of one person (FHIR match-grade).
    pub enum MatchGrade {
        /// They are not the same person (FHIR `certainly-not`).
        CertainlyNot,
        /// They may be the same person (FHIR `possible`).
        Possible,
        /// They are most likely the same person (FHIR `probable`).
        Probable,
        /// They are the same person: an identifier is the same (FHIR `certain`).
        Certain,
    }
}

/// What is known of a person who is looked for.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// The name.
    pub name: &'a HumanName,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// Gender, where it is known.
    pub gender: Option<AdministrativeGender>,
    /// Identifiers.
    pub identifiers: &'a [Identifier],
    /// Telephone numbers and email addresses.
    pub contacts: Vec<&'a str>,
}

/// How alike a record is.
#[derive(Clone, Debug, PartialEq)]
pub struct Similarity {
    /// From 0 to 1.
    pub score: f64,
    /// The grade of the match (FHIR match-grade).
    pub grade: MatchGrade,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// A record that may be the same person's.
#[derive(Clone, Debug)]
pub struct PatientMatch {
    /// The record.
    pub patient: Patient,
    /// How alike it is.
    pub similarity: Similarity,
}

const NAME_WEIGHT: f64 = 0.5;
const BIRTH_DATE_WEIGHT: f64 = 0.4;
const GENDER_WEIGHT: f64 = 0.05;
const CONTACT_WEIGHT: f64 = 0.05;
/// What a name is worth when a birth date is missing on either side.
const NAME_ALONE: f64 = 0.75;
const PROBABLE: f64 = 0.85;
const POSSIBLE: f64 = 0.7;

impl<'a> Person<'a> {
    /// What a record says.
    pub fn of(patient: &'a Patient) -> Self {
        let reached = |system| matches!(system, ContactSystem::Phone | ContactSystem::Sms | ContactSystem::Email);
        let contacts = patient.telecom.iter().filter(|contact| reached(contact.system));
        Self {
            name: &patient.name,
            birth_date: patient.birth_date,
            gender: Some(patient.gender),
            identifiers: &patient.identifiers,
            contacts: contacts.map(|contact| contact.value.as_str()).collect(),
        }
    }

    /// Compares two people.
    pub fn compare(&self, other: &Person<'_>) -> Similarity {
        let same = |one: &Identifier, two: &Identifier| one.system == two.system && one.value == two.value;
        let shared = self.identifiers.iter().find(|one| other.identifiers.iter().any(|two| same(one, two)));
        if let Some(identifier) = shared {
            let reasons = vec![format!("The same identifier in {}", identifier.system)];
            return Similarity { score: 1.0, grade: MatchGrade::Certain, reasons };
        }
        let mut reasons = Vec::new();
        let name = names(self.name, other.name);
        if name > 0.999 {
            reasons.push("The same name".to_owned());
        } else if name > 0.6 {
            reasons.push("A similar name".to_owned());
        }
        let mut score = match (self.birth_date, other.birth_date) {
            (Some(one), Some(two)) => {
                let date = dates(one, two);
                if date > 0.999 {
                    reasons.push("The same birth date".to_owned());
                } else if date > 0.0 {
                    reasons.push("A similar birth date".to_owned());
                }
                NAME_WEIGHT * name + BIRTH_DATE_WEIGHT * date
            }
            _ => NAME_ALONE * name,
        };
        score += GENDER_WEIGHT * genders(self.gender, other.gender);
        let normal =
            |text: &&str| text.chars().filter(|char| char.is_alphanumeric()).collect::<String>().to_lowercase();
        let contacts: Vec<String> = other.contacts.iter().map(normal).collect();
        if self.contacts.iter().any(|contact| contacts.contains(&normal(contact))) {
            reasons.push("The same telephone number or email address".to_owned());
            score += CONTACT_WEIGHT;
        }
        // Two decimals: more would say more than the weights know.
        let score = (score.clamp(0.0, 0.99) * 100.0).round() / 100.0;
        let grade = match score {
            score if score >= PROBABLE => MatchGrade::Probable,
            score if score >= POSSIBLE => MatchGrade::Possible,
            _ => MatchGrade::CertainlyNot,
        };
        Similarity { score, grade, reasons }
    }
}

/// Of these records those that may be the same person's, the most alike first.
pub fn matches(person: &Person<'_>, candidates: Vec<Patient>) -> Vec<PatientMatch> {
    let mut found: Vec<PatientMatch> = candidates
        .into_iter()
        .map(|patient| PatientMatch { similarity: person.compare(&Person::of(&patient)), patient })
        .filter(|found| found.similarity.grade > MatchGrade::CertainlyNot)
        .collect();
    found.sort_by(|a, b| b.similarity.score.total_cmp(&a.similarity.score).then(a.patient.id.cmp(&b.patient.id)));
    found
}

/// Family and given names, also the wrong way round.
fn names(one: &HumanName, two: &HumanName) -> f64 {
    let family = |name: &HumanName| folded(&name.family);
    let given = |name: &HumanName| name.sort_given();
    // Names of strangers are at about 0.5: only what is above counts.
    let alike = |a: &str, b: &str| ((strsim::jaro_winkler(a, b) - 0.7) / 0.3).max(0.0);
    let straight = 0.5 * alike(&family(one), &family(two)) + 0.5 * alike(&given(one), &given(two));
    let swapped = 0.5 * alike(&family(one), &given(two)) + 0.5 * alike(&given(one), &family(two));
    straight.max(swapped * 0.95)
}

/// The same date, one with day and month swapped, or one digit off.
fn dates(one: NaiveDate, two: NaiveDate) -> f64 {
    if one == two {
        return 1.0;
    }
    let is_swapped = one.year() == two.year() && one.day() == two.month() && one.month() == two.day();
    let (a, b) = (one.to_string(), two.to_string());
    let differing = a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count();
    if is_swapped || differing == 1 { 0.7 } else { 0.0 }
}

fn genders(one: Option<AdministrativeGender>, two: Option<AdministrativeGender>) -> f64 {
    match (one, two) {
        (Some(AdministrativeGender::Unknown) | None, _) | (_, Some(AdministrativeGender::Unknown) | None) => 0.0,
        (Some(one), Some(two)) => {
            if one == two {
                1.0
            } else {
                -1.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use healthbridge_terms::{IdentifierUse, NameUse};

    use super::*;

    fn name(family: &str, given: &str) -> HumanName {
        let given = vec![given.to_owned()];
        HumanName { name_use: NameUse::Official, family: family.to_owned(), given, prefix: vec![], suffix: vec![] }
    }

    fn grade(one: (&str, &str, &str), two: (&str, &str, &str)) -> MatchGrade {
        let names = (name(one.0, one.1), name(two.0, two.1));
        let person = |name, date: &str| Person {
            name,
            birth_date: date.parse().ok(),
            gender: Some(AdministrativeGender::Female),
            identifiers: &[],
            contacts: Vec::new(),
        };
        person(&names.0, one.2).compare(&person(&names.1, two.2)).grade
    }

    #[test]
    fn the_same_person_is_found_despite_a_typing_error_and_a_stranger_is_not() {
        let ada = ("Lovelace", "Ada", "1990-02-28");
        assert_eq!(grade(ada, ada), MatchGrade::Probable);
        assert_eq!(grade(ada, ("Lovelase", "Ada", "1990-02-28")), MatchGrade::Probable);
        assert_eq!(grade(ada, ("Ada", "Lovelace", "1990-02-28")), MatchGrade::Probable);
        assert_eq!(grade(ada, ("Lovelace", "Ada", "1990-02-27")), MatchGrade::Possible);
        assert_eq!(grade(ada, ("Lovelace", "Ada", "unknown")), MatchGrade::Possible);
        assert_eq!(grade(ada, ("Lovelace", "Ada", "1951-11-03")), MatchGrade::CertainlyNot);
        assert_eq!(grade(ada, ("Hopper", "Grace", "1990-02-28")), MatchGrade::CertainlyNot);
    }

    #[test]
    fn twins_with_different_names_are_never_probable() {
        let twin = |given| ("Weasley", given, "1978-04-01");
        assert!(grade(twin("Fred"), twin("George")) < MatchGrade::Probable);
    }

    #[test]
    fn a_shared_identifier_decides_alone() {
        let identifier = Identifier {
            system: "http://hl7.org/fhir/sid/us-ssn".to_owned(),
            value: "999-11-2233".to_owned(),
            identifier_use: IdentifierUse::Official,
        };
        let (one, two) = (name("Lovelace", "Ada"), name("King", "Augusta"));
        let person = |name| Person {
            name,
            birth_date: None,
            gender: None,
            identifiers: std::slice::from_ref(&identifier),
            contacts: Vec::new(),
        };
        assert_eq!(person(&one).compare(&person(&two)).grade, MatchGrade::Certain);
    }
}
