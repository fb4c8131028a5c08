use serde::{Deserialize, Serialize};

/// A coded concept (FHIR Coding): LOINC, SNOMED CT, ICD-10, CPT, DICOM DCM and others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coding {
    /// The code system's URI, such as `http://loinc.org`.
    pub system: String,
    /// The code in that system.
    pub code: String,
    /// The text that the system gives for the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The version of the code system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
