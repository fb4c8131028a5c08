//! Records that may be of the same person (FHIR Patient `$match`).

use std::sync::Arc;

use async_graphql::{InputObject, SimpleObject};
use healthbridge_graphql::{Code, Date};
use healthbridge_terms::AdministrativeGender;

use super::Patient;
use crate::{
    domain::{self, MatchGrade},
    graphql::person::{HumanNameInput, IdentifierInput},
};

/// A record that may be the same person's.
#[derive(SimpleObject)]
pub(crate) struct PatientMatch {
    /// The record.
    patient: Patient,
    /// How alike it is, from 0 to 1.
    score: f64,
    /// The grade of the match (FHIR match-grade).
    grade: Code<MatchGrade>,
    /// What speaks for it, in English.
    reasons: Vec<String>,
}

impl From<domain::PatientMatch> for PatientMatch {
    fn from(found: domain::PatientMatch) -> Self {
        let domain::PatientMatch { patient, similarity } = found;
        let patient = Patient(Arc::new(patient));
        Self { patient, score: similarity.score, grade: Code(similarity.grade), reasons: similarity.reasons }
    }
}

/// A person who is looked for.
#[derive(InputObject)]
pub(crate) struct PatientMatchInput {
    /// The name.
    pub name: HumanNameInput,
    /// Birth date.
    pub birth_date: Option<Date>,
    /// The gender for administrative purposes (FHIR Patient.gender).
    pub gender: Option<Code<AdministrativeGender>>,
    /// Identifiers; one in common makes the match certain.
    pub identifiers: Option<Vec<IdentifierInput>>,
}
