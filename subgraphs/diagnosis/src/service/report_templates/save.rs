use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Making, Once, new_id};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::locked;
use crate::{domain::ReportTemplate, store::report_templates};

/// The longest code of a modality, DICOM's CS.
const LONGEST_CODE: usize = 16;

/// A template to be made or changed, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SaveReportTemplate {
    /// The one that is changed; a new one is made where it is left out.
    pub template_id: Option<String>,
    pub expected_version: Option<i32>,
    pub name: String,
    pub modality: String,
    pub body_site: Option<Coding>,
    pub code: Option<Coding>,
    pub technique: Option<String>,
    pub findings: Option<String>,
    pub impression: Option<String>,
}

impl Change for SaveReportTemplate {
    const NAME: &'static str = "saveReportTemplate";
    type Made = ReportTemplate;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ReportTemplate> {
        let new = self.check(making.id, making.user_id(), making.now)?;
        let saved = match (&self.template_id, self.expected_version) {
            (None, _) => new,
            (Some(_), None) => {
                let message = "Who changes a template says which version was seen";
                return Err(Stop::refuse("expectedVersion", UserErrorCode::Required, message));
            }
            (Some(id), Some(expected)) => {
                let old = locked(making, id, expected).await?;
                let ReportTemplate { id, created_by, created_at, version, .. } = old;
                ReportTemplate { id, created_by, created_at, version: version + 1, ..new }
            }
        };
        report_templates::save(making.connection(), &saved).await?;
        Ok(saved)
    }
}

impl Once for SaveReportTemplate {
    fn id(&self) -> Uuid {
        let own = self.template_id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        own.unwrap_or_else(new_id)
    }

    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<ReportTemplate>, Fault> {
        Ok(report_templates::by_id(connection, &[id]).await?.pop())
    }
}

impl SaveReportTemplate {
    fn check(&self, id: Uuid, created_by: Uuid, now: DateTime<Utc>) -> Checked<ReportTemplate> {
        let mut refusals = Refusals::default();
        let name = refusals.line("name", &self.name);
        let modality = refusals.line("modality", &self.modality);
        let is_code = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit();
        if !modality.is_empty() && (modality.len() > LONGEST_CODE || !modality.chars().all(is_code)) {
            refusals.add("modality", UserErrorCode::InvalidFormat, "A modality is a code of DICOM, such as CT");
        }
        let body_site = self.body_site.as_ref().map(|site| refusals.coding("bodySite", site));
        let code = self.code.as_ref().map(|code| refusals.coding("code", code));
        let technique = refusals.optional_text("technique", self.technique.as_deref());
        let findings = refusals.optional_text("findings", self.findings.as_deref());
        let impression = refusals.optional_text("impression", self.impression.as_deref());
        refusals.or(ReportTemplate {
            id,
            name,
            modality,
            body_site,
            code,
            technique,
            findings,
            impression,
            created_by,
            created_at: now,
            updated_at: now,
            retired_at: None,
            version: 1,
        })
    }
}
