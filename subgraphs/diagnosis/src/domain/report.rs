use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, coded};
use uuid::Uuid;

coded! {
    /// The status of a report (FHIR R4 diagnostic-report-status).
    pub enum ReportStatus {
        /// The report exists, and has no text yet (FHIR `registered`).
        Registered,
        /// Partial results are available and not verified (FHIR `partial`).
        Partial,
        /// Results are available, and are not verified (FHIR `preliminary`).
        Preliminary,
        /// The report is complete, verified and released (FHIR `final`).
        Final,
        /// The report was changed after its release (FHIR `amended`).
        Amended,
        /// An error in the report was corrected after its release (FHIR `corrected`).
        Corrected,
        /// Something was added to the report after its release (FHIR `appended`).
        Appended,
        /// The report was cancelled and will not be written (FHIR `cancelled`).
        Cancelled,
        /// It was recorded by mistake and must be disregarded (FHIR `entered-in-error`).
        EnteredInError,
        /// Unknown (FHIR `unknown`).
        Unknown,
    }
}

impl ReportStatus {
    /// The states that may follow. FHIR names the states; which may follow which is our reading of their definitions.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Registered => &[Self::Partial, Self::Preliminary, Self::Cancelled],
            Self::Partial => &[Self::Preliminary, Self::Final, Self::Cancelled],
            Self::Preliminary => &[Self::Partial, Self::Final, Self::Cancelled],
            Self::Final => &[Self::Amended, Self::Corrected, Self::Appended, Self::EnteredInError],
            Self::Amended => &[Self::Corrected, Self::Appended, Self::EnteredInError],
            Self::Corrected => &[Self::Amended, Self::Appended, Self::EnteredInError],
            Self::Appended => &[Self::Amended, Self::Corrected, Self::EnteredInError],
            Self::Cancelled | Self::EnteredInError | Self::Unknown => &[],
        }
    }

    /// Whether the report was released: the patient sees it from then on, even when it is withdrawn later.
    pub fn is_released(self) -> bool {
        matches!(self, Self::Final | Self::Amended | Self::Corrected | Self::Appended | Self::EnteredInError)
    }
}

coded! {
    /// How urgent a report is (FHIR request-priority).
    pub enum ReportPriority {
        /// Normal priority.
        Routine,
        /// With priority over routine requests.
        Urgent,
        /// As soon as possible.
        Asap,
        /// Immediately, before everything else (FHIR `stat`).
        Stat,
    }
}

impl ReportPriority {
    /// How worklists sort: what is most urgent first.
    pub fn rank(self) -> i16 {
        match self {
            Self::Stat => 0,
            Self::Asap => 1,
            Self::Urgent => 2,
            Self::Routine => 3,
        }
    }
}

/// A diagnosis report (FHIR DiagnosticReport).
#[derive(Clone, Debug)]
pub struct Report {
    /// Our id.
    pub id: Uuid,
    /// The patient whom the report is about.
    pub patient_id: Uuid,
    /// The status.
    pub status: ReportStatus,
    /// The priority (FHIR request-priority).
    pub priority: ReportPriority,
    /// What was examined, a LOINC code.
    pub code: Option<Coding>,
    /// The conclusion in codes.
    pub conclusion_codes: Vec<Coding>,
    /// Clinical history: what was known about the patient before the examination.
    pub clinical_history: Option<String>,
    /// The technique of the examination.
    pub technique: Option<String>,
    /// Findings: what the images show.
    pub findings: Option<String>,
    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    pub impression: Option<String>,
    /// Whether the result is critical: somebody must act on it at once.
    pub critical: bool,
    /// Who wrote it.
    pub author_id: Uuid,
    /// The imaging order that it answers.
    pub order_id: Option<Uuid>,
    /// The member of the medical staff who is to write the report.
    pub assignee_id: Option<Uuid>,
    /// The images that it is about.
    pub image_ids: Vec<Uuid>,
    /// When the report was released (FHIR DiagnosticReport.issued); null before.
    pub issued_at: Option<DateTime<Utc>>,
    /// When the report was created.
    pub created_at: DateTime<Utc>,
    /// When the report was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

#[cfg(test)]
mod tests {
    use healthbridge_terms::Coded;

    use super::*;

    #[test]
    fn nothing_leaves_cancelled_or_entered_in_error_and_nothing_returns_to_registered() {
        assert!(ReportStatus::Cancelled.next().is_empty() && ReportStatus::EnteredInError.next().is_empty());
        for status in ReportStatus::all() {
            assert!(!status.next().contains(&ReportStatus::Registered) && !status.next().contains(&status));
        }
    }

    #[test]
    fn a_released_report_never_becomes_unreleased() {
        for status in ReportStatus::all().filter(|status| status.is_released()) {
            assert!(status.next().iter().all(|next| next.is_released()), "{status:?}");
        }
    }
}
