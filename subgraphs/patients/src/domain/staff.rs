use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, HumanName, coded};
use uuid::Uuid;

coded! {
    /// What a member of the medical staff does.
    pub enum StaffProfession {
        /// A physician.
        Physician,
        /// A physician who reads images.
        Radiologist,
        /// Acquires images.
        RadiologicTechnologist,
        /// A nurse.
        Nurse,
        /// A pharmacist.
        Pharmacist,
        /// Handles bills.
        BillingClerk,
        /// Administrates.
        Administrator,
        /// Something else.
        Other,
    }
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
    pub specialty: Option<Coding>,
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
