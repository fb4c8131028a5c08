use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, UserErrorCode};
use healthbridge_signature::Meaning;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    release::{Said, Signed, own_id},
    writing::illegal,
};
use crate::{
    domain::{Report, WorkflowAction, stage::Stage},
    store::reports,
};

/// What is added to a released report, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddAddendum {
    pub report_id: String,
    pub expected_version: i32,
    pub text: String,
}

impl Change for Signed<'_, AddAddendum> {
    const NAME: &'static str = "addAddendum";
    type Made = Report;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Report> {
        let text = self.change.check()?;
        let signer = self.signer(making)?;
        let stage = self.locked(making, &self.change.report_id, self.change.expected_version).await?;
        let Stage::Released(released) = stage else { return Err(illegal("Only to what was released is added")) };
        let report = Report::from(released.append(making.now));
        let said = Said {
            meaning: Meaning::Addendum,
            action: WorkflowAction::AddendumAdded,
            reason: None,
            addendum: Some(text),
        };
        self.write(making, report, signer, said).await
    }
}

impl Once for Signed<'_, AddAddendum> {
    fn id(&self) -> Uuid {
        own_id(&self.change.report_id)
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Report>, Fault> {
        Ok(reports::by_id(connection, &[id], None).await?.pop())
    }
}

impl AddAddendum {
    fn check(&self) -> Checked<String> {
        let mut refusals = Refusals::default();
        let text = refusals.optional_text("text", Some(&self.text));
        if text.is_none() {
            refusals.add("text", UserErrorCode::Required, "An addendum has a text");
        }
        refusals.or(text.unwrap_or_default())
    }
}
