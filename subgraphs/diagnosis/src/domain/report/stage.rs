//! The state machine of a report. A step that is not allowed has no function here: a report in a stage has the steps of
//! that stage, and each gives the report in the stage that follows.
//!
//! FHIR names the states; which may follow which is our reading of their definitions: REGISTERED → PARTIAL, PRELIMINARY or
//! CANCELLED; PARTIAL ↔ PRELIMINARY, and either → FINAL or CANCELLED; what was released → AMENDED, CORRECTED, APPENDED, again
//! if need be, or ENTERED_IN_ERROR. Nothing leaves CANCELLED, ENTERED_IN_ERROR and UNKNOWN.

use chrono::{DateTime, Utc};
use healthbridge_terms::Coding;
use uuid::Uuid;

use super::{Acknowledged, Report, ReportStatus};

/// A report, by what may become of it.
#[derive(Clone, Debug)]
pub enum Stage {
    /// It is being written: REGISTERED, PARTIAL or PRELIMINARY.
    Open(Open),
    /// It was released: FINAL, AMENDED, CORRECTED or APPENDED.
    Released(Released),
    /// Nothing becomes of it: CANCELLED, ENTERED_IN_ERROR or UNKNOWN.
    Closed(Closed),
}

/// A report that is being written.
#[derive(Clone, Debug)]
pub struct Open(Report);

/// A report that is being written and has a text: PARTIAL or PRELIMINARY with findings or an impression.
#[derive(Clone, Debug)]
pub struct Drafted(Report);

/// A report that was released.
#[derive(Clone, Debug)]
pub struct Released(Report);

/// A report that nothing becomes of.
#[derive(Clone, Debug)]
pub struct Closed(Report);

/// How far a draft is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftStatus {
    /// Partial results.
    Partial,
    /// Results that are not verified.
    Preliminary,
}

impl DraftStatus {
    /// The status of a draft, if it is one.
    pub fn of(status: ReportStatus) -> Option<Self> {
        match status {
            ReportStatus::Partial => Some(Self::Partial),
            ReportStatus::Preliminary => Some(Self::Preliminary),
            _ => None,
        }
    }
}

impl From<DraftStatus> for ReportStatus {
    fn from(status: DraftStatus) -> Self {
        match status {
            DraftStatus::Partial => Self::Partial,
            DraftStatus::Preliminary => Self::Preliminary,
        }
    }
}

/// Why a released report is released once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// Its text was changed.
    Amendment,
    /// An error was corrected.
    Correction,
}

/// What changes about a report's text: `None` leaves a field as it is, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Findings.
    pub findings: Option<Option<String>>,
    /// The impression.
    pub impression: Option<Option<String>>,
    /// The technique.
    pub technique: Option<Option<String>>,
    /// Clinical history.
    pub clinical_history: Option<Option<String>>,
    /// The conclusion in codes.
    pub conclusion_codes: Option<Vec<Coding>>,
    /// Whether the result is critical.
    pub critical: Option<bool>,
}

/// A report would be without findings and without an impression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoText;

/// Why a result is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAcknowledged {
    /// It is not critical.
    NotCritical,
    /// Somebody has acknowledged it.
    Already,
}

impl From<Report> for Stage {
    /// The one place where a stored status becomes a stage.
    fn from(report: Report) -> Self {
        match report.status {
            ReportStatus::Registered | ReportStatus::Partial | ReportStatus::Preliminary => Self::Open(Open(report)),
            ReportStatus::Final | ReportStatus::Amended | ReportStatus::Corrected | ReportStatus::Appended => {
                Self::Released(Released(report))
            }
            ReportStatus::Cancelled | ReportStatus::EnteredInError | ReportStatus::Unknown => {
                Self::Closed(Closed(report))
            }
        }
    }
}

impl Stage {
    /// The report.
    pub fn report(&self) -> &Report {
        match self {
            Self::Open(Open(report)) | Self::Released(Released(report)) | Self::Closed(Closed(report)) => report,
        }
    }

    /// The statuses that may follow, whoever moves it.
    pub fn next(&self) -> Vec<ReportStatus> {
        match self {
            Self::Open(open) => open.next(),
            Self::Released(_) => vec![
                ReportStatus::Amended,
                ReportStatus::Corrected,
                ReportStatus::Appended,
                ReportStatus::EnteredInError,
            ],
            Self::Closed(_) => Vec::new(),
        }
    }
}

impl Open {
    /// The report.
    pub fn report(&self) -> &Report {
        &self.0
    }

    fn next(&self) -> Vec<ReportStatus> {
        let drafts = [ReportStatus::Partial, ReportStatus::Preliminary].into_iter();
        let mut next: Vec<_> = drafts.filter(|status| *status != self.0.status).collect();
        if self.clone().drafted().is_ok() {
            next.push(ReportStatus::Final);
        }
        next.push(ReportStatus::Cancelled);
        next
    }

    /// Who else writes the report, and until when.
    pub fn held_from(&self, writer: Uuid, now: DateTime<Utc>) -> Option<(Uuid, DateTime<Utc>)> {
        let (assignee, until) = (self.0.assignee_id?, self.0.assigned_until?);
        (assignee != writer && until > now).then_some((assignee, until))
    }

    /// Writes the report: a first text makes it PRELIMINARY, where nothing else is said. Who writes it has it until then.
    ///
    /// # Errors
    /// When a draft would have no text.
    pub fn write(
        self,
        edit: Edit,
        status: Option<DraftStatus>,
        (writer, until): (Uuid, DateTime<Utc>),
        at: DateTime<Utc>,
    ) -> Result<Self, NoText> {
        let mut report = changed(edited(self.0, edit), at);
        let has_status = DraftStatus::of(report.status).is_some();
        if !report.has_text() && (has_status || status.is_some()) {
            return Err(NoText);
        }
        if report.has_text() {
            let present = DraftStatus::of(report.status).unwrap_or(DraftStatus::Preliminary);
            report.status = status.unwrap_or(present).into();
        }
        Ok(Self(Report { assignee_id: Some(writer), assigned_until: Some(until), ..report }))
    }

    /// Gives the report to somebody, who has it until then.
    #[must_use]
    pub fn assign(self, assignee: Uuid, until: DateTime<Utc>, at: DateTime<Utc>) -> Self {
        Self(Report { assignee_id: Some(assignee), assigned_until: Some(until), ..changed(self.0, at) })
    }

    /// Ends the report: it will not be written.
    pub fn cancel(self, reason: String, at: DateTime<Utc>) -> Closed {
        Closed(Report {
            status: ReportStatus::Cancelled,
            status_reason: Some(reason),
            assigned_until: None,
            ..changed(self.0, at)
        })
    }

    /// The report as one that can be released.
    ///
    /// # Errors
    /// The report as it is, where it is REGISTERED or has no text.
    #[expect(clippy::result_large_err, reason = "who is refused goes on with the report as it is")]
    pub fn drafted(self) -> Result<Drafted, Self> {
        let is_draft = DraftStatus::of(self.0.status).is_some() && self.0.has_text();
        if is_draft { Ok(Drafted(self.0)) } else { Err(self) }
    }
}

impl Drafted {
    /// Releases the report.
    pub fn confirm(self, at: DateTime<Utc>) -> Released {
        let report = changed(self.0, at);
        let status = ReportStatus::Final;
        Released(released(Report { status, issued_at: Some(at), assigned_until: None, ..report }))
    }
}

impl Released {
    /// The report.
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// Changes the text, in a version of its own.
    ///
    /// # Errors
    /// When it would have no text.
    pub fn revise(self, revision: Revision, edit: Edit, at: DateTime<Utc>) -> Result<Self, NoText> {
        let status = match revision {
            Revision::Amendment => ReportStatus::Amended,
            Revision::Correction => ReportStatus::Corrected,
        };
        let report = changed(edited(self.0, edit), at);
        if report.has_text() { Ok(Self(released(Report { status, ..report }))) } else { Err(NoText) }
    }

    /// Adds to the report, whose text stays as it is.
    #[must_use]
    pub fn append(self, at: DateTime<Utc>) -> Self {
        Self(released(Report { status: ReportStatus::Appended, ..changed(self.0, at) }))
    }

    /// Withdraws the report: it must be disregarded, and stays readable.
    pub fn withdraw(self, reason: String, at: DateTime<Utc>) -> Closed {
        let report = changed(self.0, at);
        Closed(released(Report { status: ReportStatus::EnteredInError, status_reason: Some(reason), ..report }))
    }

    /// Takes note of a critical result, once.
    ///
    /// # Errors
    /// When there is nothing to be taken note of.
    pub fn acknowledge(self, by: Uuid, note: String, at: DateTime<Utc>) -> Result<Self, NotAcknowledged> {
        if !self.0.critical {
            return Err(NotAcknowledged::NotCritical);
        }
        if self.0.acknowledged.is_some() {
            return Err(NotAcknowledged::Already);
        }
        Ok(Self(Report { acknowledged: Some(Acknowledged { at, by, note }), ..changed(self.0, at) }))
    }
}

impl From<Open> for Report {
    fn from(open: Open) -> Self {
        open.0
    }
}

impl From<Released> for Report {
    fn from(released: Released) -> Self {
        released.0
    }
}

impl From<Closed> for Report {
    fn from(closed: Closed) -> Self {
        closed.0
    }
}

fn edited(report: Report, edit: Edit) -> Report {
    Report {
        findings: edit.findings.unwrap_or(report.findings),
        impression: edit.impression.unwrap_or(report.impression),
        technique: edit.technique.unwrap_or(report.technique),
        clinical_history: edit.clinical_history.unwrap_or(report.clinical_history),
        conclusion_codes: edit.conclusion_codes.unwrap_or(report.conclusion_codes),
        critical: edit.critical.unwrap_or(report.critical),
        ..report
    }
}

/// Every step is a version of the row.
fn changed(report: Report, at: DateTime<Utc>) -> Report {
    Report { updated_at: at, version: report.version + 1, ..report }
}

/// What is released is a version of the content.
fn released(report: Report) -> Report {
    Report { current_version: report.current_version + 1, ..report }
}
