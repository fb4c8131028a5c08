use chrono::{DateTime, Datelike, NaiveDate, Utc};
use healthbridge_terms::{Address, AdministrativeGender, Coding, ContactPoint, HumanName, Identifier};
use uuid::Uuid;

use super::Mrn;

/// A patient (FHIR Patient).
#[derive(Clone, Debug)]
pub struct Patient {
    /// Our id.
    pub id: Uuid,
    /// Medical record number.
    pub mrn: Mrn,
    /// Whether the record is in active use.
    pub active: bool,
    /// The name.
    pub name: HumanName,
    /// The gender for administrative purposes (FHIR Patient.gender).
    pub gender: AdministrativeGender,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// When the patient died.
    pub deceased_at: Option<DateTime<Utc>>,
    /// Phone numbers and addresses of other kinds.
    pub telecom: Vec<ContactPoint>,
    /// Postal addresses.
    pub addresses: Vec<Address>,
    /// Identifiers beside the medical record number, such as an insurance number.
    pub identifiers: Vec<Identifier>,
    /// Known conditions.
    pub conditions: Vec<Coding>,
    /// The general practitioner.
    pub general_practitioner_id: Option<Uuid>,
    /// When the record was created.
    pub created_at: DateTime<Utc>,
    /// When the report was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl Patient {
    /// Completed years of age on a day, or at death.
    pub fn age_years(&self, today: NaiveDate) -> Option<i32> {
        let born = self.birth_date?;
        let day = self.deceased_at.map_or(today, |at| at.date_naive());
        let had_birthday = (day.month(), day.day()) >= (born.month(), born.day());
        Some(day.year() - born.year() - i32::from(!had_birthday))
    }

    /// The names of the fields that have a value, as the graph has them: what the making of a record changes.
    pub(crate) fn filled_fields(&self) -> Vec<String> {
        let fields = [
            ("name", true),
            ("gender", true),
            ("birthDate", self.birth_date.is_some()),
            ("telecom", !self.telecom.is_empty()),
            ("addresses", !self.addresses.is_empty()),
            ("identifiers", !self.identifiers.is_empty()),
            ("conditions", !self.conditions.is_empty()),
            ("generalPractitioner", self.general_practitioner_id.is_some()),
        ];
        fields.into_iter().filter(|(_, is_filled)| *is_filled).map(|(field, _)| field.to_owned()).collect()
    }
}
