use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_signature::Meaning;
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    draft::{codings, text},
    release::{Said, Signed, own_id},
    writing::illegal,
};
use crate::{
    domain::{
        Report, WorkflowAction,
        stage::{Edit, Revision, Stage},
    },
    store::reports,
};

/// What changes about a released report, as it was sent: `None` leaves a field as it is, an empty text empties it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AmendReport {
    pub report_id: String,
    pub expected_version: i32,
    pub correction: bool,
    pub reason: String,
    pub findings: Option<String>,
    pub impression: Option<String>,
    pub conclusion_codes: Option<Vec<Coding>>,
    pub critical: Option<bool>,
}

impl Change for Signed<'_, AmendReport> {
    const NAME: &'static str = "amendReport";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let (edit, reason) = self.change.check()?;
        let signer = self.signer(making)?;
        let stage = self.locked(making, &self.change.report_id, self.change.expected_version).await?;
        let Stage::Released(released) = stage else { return Err(illegal("Only what was released is amended")) };
        let revision = if self.change.correction { Revision::Correction } else { Revision::Amendment };
        let Ok(revised) = released.revise(revision, edit, making.now) else {
            let message = "What is released has findings or an impression";
            return Err(Stop::refuse("findings", UserErrorCode::Required, message));
        };
        let said =
            Said { meaning: Meaning::Amendment, action: WorkflowAction::Amended, reason: Some(reason), addendum: None };
        self.write(making, revised.into(), signer, said).await
    }
}

impl Once for Signed<'_, AmendReport> {
    fn id(&self) -> Uuid {
        own_id(&self.change.report_id)
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Report>, Fault> {
        Ok(reports::by_id(connection, &[id], None).await?.pop())
    }
}

impl AmendReport {
    fn check(&self) -> Checked<(Edit, String)> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.reason);
        let edit = Edit {
            findings: text(&mut refusals, "findings", self.findings.as_deref()),
            impression: text(&mut refusals, "impression", self.impression.as_deref()),
            conclusion_codes: codings(&mut refusals, self.conclusion_codes.as_deref()),
            critical: self.critical,
            ..Edit::default()
        };
        let is_nothing = edit.findings.is_none() && edit.impression.is_none() && edit.conclusion_codes.is_none();
        if is_nothing && edit.critical.is_none() {
            refusals.add("findings", UserErrorCode::Required, "An amendment changes something");
        }
        refusals.or((edit, reason))
    }
}
