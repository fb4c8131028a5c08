use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use super::HumanName;

/// What a member of the medical staff does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names speak")]
pub enum StaffProfession {
    Physician,
    Radiologist,
    RadiologicTechnologist,
    Nurse,
    Pharmacist,
    BillingClerk,
    Administrator,
    Other,
}

/// A member of the medical staff (FHIR Practitioner).
#[derive(Clone, Debug)]
pub struct Staff {
    /// Our id.
    pub id: Uuid,
    /// The name.
    pub name: HumanName,
    /// What the person does.
    pub profession: StaffProfession,
    /// The specialty.
    pub specialty: Option<healthbridge_graphql::Coding>,
    /// National licence number.
    pub licence_number: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Whether the person works here.
    pub active: bool,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
    pub version: i32,
}
