use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, coded};
use uuid::Uuid;

coded! {
    /// The status of a report (FHIR R4 diagnostic-report-status).
    pub enum ReportStatus {
        /// It exists, and nothing is written yet.
        Registered,
        /// Parts of it are written.
        Partial,
        /// It is written and not yet verified.
        Preliminary,
        /// It is verified and released.
        Final,
        /// It was changed after its release.
        Amended,
        /// A mistake was corrected after its release.
        Corrected,
        /// Something was added after its release.
        Appended,
        /// It will not be written.
        Cancelled,
        /// It should not exist.
        EnteredInError,
        /// Not known.
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
        /// In its turn.
        Routine,
        /// Sooner than others.
        Urgent,
        /// As soon as possible.
        Asap,
        /// At once.
        Stat,
    }
}

/// A diagnosis report (FHIR DiagnosticReport).
#[derive(Clone, Debug)]
pub struct Report {
    /// Our id.
    pub id: Uuid,
    /// Whose report it is.
    pub patient_id: Uuid,
    /// Status.
    pub status: ReportStatus,
    /// How urgent it is.
    pub priority: ReportPriority,
    /// What was examined, a LOINC code.
    pub code: Option<Coding>,
    /// The conclusion in codes.
    pub conclusion_codes: Vec<Coding>,
    /// What was known before.
    pub clinical_history: Option<String>,
    /// How it was examined.
    pub technique: Option<String>,
    /// What was seen.
    pub findings: Option<String>,
    /// What it means.
    pub impression: Option<String>,
    /// Whether somebody must act at once.
    pub critical: bool,
    /// Who wrote it.
    pub author_id: Uuid,
    /// Who is to read it.
    pub assignee_id: Option<Uuid>,
    /// The images that it is about.
    pub image_ids: Vec<Uuid>,
    /// When it was released.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
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
