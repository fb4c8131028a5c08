use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Checked, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_terms::Coding;

use super::{
    Writing, locked, logged, writer,
    writing::{free, immutable},
};
use crate::{
    domain::{
        Report, ReportStatus, WorkflowAction,
        stage::{DraftStatus, Edit, Stage},
    },
    store::reports,
};

/// What is written of a report, as it was sent: `None` leaves a field as it is, an empty text empties it.
#[derive(Clone, Debug)]
pub(crate) struct UpdateReportDraft {
    pub report_id: String,
    pub expected_version: i32,
    pub findings: Option<String>,
    pub impression: Option<String>,
    pub technique: Option<String>,
    pub clinical_history: Option<String>,
    pub conclusion_codes: Option<Vec<Coding>>,
    pub critical: Option<bool>,
    pub status: Option<ReportStatus>,
}

impl Change for Writing<'_, UpdateReportDraft> {
    const NAME: &'static str = "updateReportDraft";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let writer = writer(making)?;
        let (edit, status) = self.change.check()?;
        let stage = locked(making, &self.change.report_id, Some(self.change.expected_version)).await?;
        let Stage::Open(open) = stage else { return Err(immutable(&stage)) };
        let open = free(making, open, writer)?;
        let until = making.now + self.settings.lock();
        let Ok(written) = open.write(edit, status, (writer, until), making.now) else {
            let message = "A draft has findings or an impression";
            return Err(Stop::refuse("findings", UserErrorCode::Required, message));
        };
        let report = Report::from(written);
        reports::update(making.connection(), &report, self.settings.search_language.name()).await?;
        logged(making, &report, WorkflowAction::Drafted, None).await?;
        Ok(report)
    }
}

impl UpdateReportDraft {
    fn check(&self) -> Checked<(Edit, Option<DraftStatus>)> {
        let mut refusals = Refusals::default();
        let status = self.status.map(DraftStatus::of);
        if status == Some(None) {
            let message = "A draft is PARTIAL or PRELIMINARY; other mutations lead to other statuses";
            refusals.add("status", UserErrorCode::IllegalTransition, message);
        }
        let edit = Edit {
            findings: text(&mut refusals, "findings", self.findings.as_deref()),
            impression: text(&mut refusals, "impression", self.impression.as_deref()),
            technique: text(&mut refusals, "technique", self.technique.as_deref()),
            clinical_history: text(&mut refusals, "clinicalHistory", self.clinical_history.as_deref()),
            conclusion_codes: codings(&mut refusals, self.conclusion_codes.as_deref()),
            critical: self.critical,
        };
        refusals.or((edit, status.flatten()))
    }
}

/// What a text becomes: nothing is said where it is left out, and an empty one empties it.
#[expect(clippy::option_option, reason = "a text may be left out, and it may be emptied")]
pub(super) fn text(refusals: &mut Refusals, field: &str, text: Option<&str>) -> Option<Option<String>> {
    text.map(|text| refusals.optional_text(field, Some(text)))
}

/// The conclusion in codes, where they are given.
pub(super) fn codings(refusals: &mut Refusals, codes: Option<&[Coding]>) -> Option<Vec<Coding>> {
    let codes = codes?.iter().enumerate();
    Some(codes.map(|(place, code)| refusals.coding(&format!("conclusionCodes.{place}"), code)).collect())
}
