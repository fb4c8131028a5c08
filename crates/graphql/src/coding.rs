use async_graphql::{InputObject, SimpleObject};
use healthbridge_terms as terms;

/// A coded concept (FHIR Coding): LOINC, SNOMED CT, ICD-10, CPT, DICOM DCM and others.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(shareable)]
pub struct Coding {
    /// The code system's URI, such as `http://loinc.org`.
    pub system: String,
    /// The code in that system.
    pub code: String,
    /// The text that the system gives for the code.
    pub display: Option<String>,
    /// The version of the code system.
    pub version: Option<String>,
}

impl From<&terms::Coding> for Coding {
    fn from(coding: &terms::Coding) -> Self {
        let terms::Coding { system, code, display, version } = coding.clone();
        Self { system, code, display, version }
    }
}

/// A coded concept (FHIR Coding) as input.
#[derive(Clone, Debug, InputObject)]
pub struct CodingInput {
    /// The code system's URI, such as `http://loinc.org`.
    pub system: String,
    /// The code in that system.
    pub code: String,
    /// The text that the system gives for the code.
    pub display: Option<String>,
}

impl From<CodingInput> for terms::Coding {
    fn from(input: CodingInput) -> Self {
        Self { system: input.system, code: input.code, display: input.display, version: None }
    }
}
