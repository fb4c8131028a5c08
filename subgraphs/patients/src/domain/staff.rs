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
        /// Works in billing.
        BillingClerk,
        /// Works in administration.
        Administrator,
        /// Anything that the other values do not cover.
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
    /// The profession.
    pub profession: StaffProfession,
    /// The specialty.
    pub specialty: Option<Coding>,
    /// National licence number.
    pub licence_number: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Whether the person works here.
    pub active: bool,
    /// When the record was created.
    pub created_at: DateTime<Utc>,
    /// When the report was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}
