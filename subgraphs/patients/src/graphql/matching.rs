//! Records that may be of the same person (FHIR Patient `$match`).

use std::sync::Arc;

use async_graphql::{Enum, InputObject, SimpleObject};
use healthbridge_graphql::Date;

use super::{
    patient::{AdministrativeGender, Patient},
    person::{HumanNameInput, IdentifierInput},
};
use crate::domain;

/// How sure it is that two records are of one person (FHIR match-grade).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MatchGrade")]
pub(crate) enum MatchGrade {
    /// They are: an identifier is the same.
    Certain,
    /// They are, unless somebody says otherwise.
    Probable,
    /// They might be.
    Possible,
    /// They are not.
    CertainlyNot,
}

/// A record that may be the same person's.
#[derive(SimpleObject)]
pub(crate) struct PatientMatch {
    /// The record.
    patient: Patient,
    /// How alike it is, from 0 to 1.
    score: f64,
    /// What the score means.
    grade: MatchGrade,
    /// Why, in English.
    reasons: Vec<String>,
}

impl From<domain::PatientMatch> for PatientMatch {
    fn from(found: domain::PatientMatch) -> Self {
        let domain::PatientMatch { patient, similarity } = found;
        let patient = Patient(Arc::new(patient));
        Self { patient, score: similarity.score, grade: similarity.grade.into(), reasons: similarity.reasons }
    }
}

/// A person who is looked for.
#[derive(InputObject)]
pub(crate) struct PatientMatchInput {
    /// The name.
    pub name: HumanNameInput,
    /// Birth date.
    pub birth_date: Option<Date>,
    /// Gender for administration.
    pub gender: Option<AdministrativeGender>,
    /// Identifiers; one in common makes the match certain.
    pub identifiers: Option<Vec<IdentifierInput>>,
}
