mod retire;
mod save;

use chrono::{DateTime, Utc};
use healthbridge_change::{Changes, Making};
use healthbridge_outcome::{Fault, Outcome, Page, Stop, Total, UserError, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    NAME,
    domain::ReportTemplate,
    store::report_templates::{self, ReportTemplateFilter},
};

pub(crate) use retire::RetireReportTemplate;
pub(crate) use save::SaveReportTemplate;

/// The texts that reports begin with.
pub(crate) struct ReportTemplates {
    pool: PgPool,
    changes: Changes,
}

impl ReportTemplates {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// A page of the templates in use.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        filter: &ReportTemplateFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<ReportTemplate>, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(window.page(report_templates::list(&self.pool, filter, window).await?))
    }

    /// How many templates in use a filter leaves.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ReportTemplateFilter) -> Result<Total, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(report_templates::count(&self.pool, filter).await?)
    }

    /// Makes a template, or changes one: whoever writes reports may.
    pub(crate) async fn save(
        &self,
        caller: &Caller,
        save: SaveReportTemplate,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<ReportTemplate> {
        caller.require(Resource::DiagnosticReport, Right::Create)?;
        self.changes.make_once(&save, key, caller, now).await
    }

    /// Takes a template out of use.
    pub(crate) async fn retire(
        &self,
        caller: &Caller,
        retire: RetireReportTemplate,
        now: DateTime<Utc>,
    ) -> Outcome<ReportTemplate> {
        caller.require(Resource::DiagnosticReport, Right::Update)?;
        self.changes.make(&retire, caller, now).await
    }
}

/// A template in use, of the version that the caller saw, locked until the change ends.
async fn locked(making: &mut Making<'_>, id: &str, expected_version: i32) -> Outcome<ReportTemplate> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => report_templates::lock(making.connection(), id).await?,
        Err(_) => None,
    };
    let Some(template) = found else {
        return Err(Stop::refuse("templateId", UserErrorCode::NotFound, "There is no such template"));
    };
    if template.version != expected_version {
        return Err(UserError::version_conflict().into());
    }
    if template.retired_at.is_some() {
        return Err(Stop::refuse("templateId", UserErrorCode::Immutable, "The template was taken out of use"));
    }
    Ok(template)
}
