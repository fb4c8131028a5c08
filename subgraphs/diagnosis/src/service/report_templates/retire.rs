use healthbridge_change::{Change, Making};
use healthbridge_outcome::Outcome;

use super::locked;
use crate::{domain::ReportTemplate, store::report_templates};

/// A template to be taken out of use, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct RetireReportTemplate {
    pub template_id: String,
    pub expected_version: i32,
}

impl Change for RetireReportTemplate {
    const NAME: &'static str = "retireReportTemplate";
    type Made = ReportTemplate;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ReportTemplate> {
        let old = locked(making, &self.template_id, self.expected_version).await?;
        let now = making.now;
        let retired = ReportTemplate { retired_at: Some(now), updated_at: now, version: old.version + 1, ..old };
        report_templates::save(making.connection(), &retired).await?;
        Ok(retired)
    }
}
