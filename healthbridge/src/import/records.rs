//! What patients and practitioners become.

use anyhow::Context;
use healthbridge_fhir::{Date, DateTime, Patient, Practitioner};
use healthbridge_patients::{ForeignPatient, ForeignPractitioner};
use healthbridge_terms::AdministrativeGender;

/// The namespace of US National Provider Identifiers.
const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// Reads a Patient.
pub(super) fn patient(source: String, json: &str) -> anyhow::Result<ForeignPatient> {
    let patient: Patient = serde_json::from_str(json)?;
    Ok(ForeignPatient {
        name: patient.name.official()?,
        gender: patient.gender.unwrap_or(AdministrativeGender::Unknown),
        birth_date: patient.birth_date.as_ref().map(Date::day).transpose().context("birthDate")?.flatten(),
        deceased_at: patient
            .deceased_date_time
            .as_ref()
            .map(DateTime::moment)
            .transpose()
            .context("deceasedDateTime")?,
        telecom: patient.telecom,
        addresses: patient.address,
        identifiers: patient.identifier,
        general_practitioner: patient.general_practitioner.iter().find_map(|one| one.resolved(&source).ok()),
        active: patient.active,
        source,
    })
}

/// Reads a Practitioner.
pub(super) fn practitioner(source: String, json: &str) -> anyhow::Result<ForeignPractitioner> {
    let Practitioner { identifier, active, name } = serde_json::from_str(json)?;
    // Elsewhere than in the United States a practitioner's first identifier is the national one.
    let licence = identifier.iter().find(|one| one.system == NPI).or(identifier.first());
    let licence_number = licence.map(|one| one.value.clone());
    Ok(ForeignPractitioner { source, name: name.official()?, licence_number, active })
}
