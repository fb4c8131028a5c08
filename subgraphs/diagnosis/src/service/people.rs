use std::collections::HashMap;

use async_trait::async_trait;
use chrono::NaiveDate;
use healthbridge_auth::Bearer;
use uuid::Uuid;

/// Who people are. Another part of the system knows that: it is asked with the token of whoever asks, and answers what that
/// caller may know.
#[async_trait]
pub trait People: Send + Sync {
    /// Who this patient and these members of the staff are.
    ///
    /// # Errors
    /// When the part that knows them does not answer.
    async fn known(&self, patient: Uuid, staff: &[Uuid], asked_by: &Bearer) -> Result<Known, PeopleError>;
}

/// What is known of people. Whoever is not in it is not there, or is not to be known by the caller.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The patient.
    pub patient: Option<Person>,
    /// The names of members of the staff.
    pub staff: HashMap<Uuid, String>,
}

/// A patient, as far as a letter says.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name as it is usually written.
    pub name: String,
    /// The medical record number.
    pub mrn: String,
    /// The birth date.
    pub birth_date: Option<NaiveDate>,
    /// The gender for administrative purposes (FHIR administrative-gender).
    pub gender: String,
}

/// The part that knows people did not say who they are.
#[derive(Debug, thiserror::Error)]
#[error("the part that knows patients and staff does not say who they are: {0}")]
pub struct PeopleError(pub String);
