use chrono::{DateTime, Utc};
use healthbridge_terms::Coding;
use uuid::Uuid;

/// A text that reports begin with.
#[derive(Clone, Debug)]
pub struct ReportTemplate {
    /// Our id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// The DICOM modality, such as `CT`.
    pub modality: String,
    /// What was examined: a code of SNOMED CT.
    pub body_site: Option<Coding>,
    /// The report's code, a LOINC code.
    pub code: Option<Coding>,
    /// The technique.
    pub technique: Option<String>,
    /// Findings.
    pub findings: Option<String>,
    /// The impression.
    pub impression: Option<String>,
    /// Who made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was taken out of use.
    pub retired_at: Option<DateTime<Utc>>,
    /// The version.
    pub version: i32,
}
