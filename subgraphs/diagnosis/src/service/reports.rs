mod acknowledge;
mod addendum;
mod allowed;
mod amend;
mod assign;
mod cancel;
mod confirm;
mod create;
mod draft;
mod lists;
mod release;
mod withdraw;
mod writing;

use chrono::{DateTime, Utc};
use healthbridge_change::{Changes, Once};
use healthbridge_outcome::{Fault, Outcome, Page, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use super::Signing;
use crate::{
    NAME,
    domain::Report,
    settings,
    store::reports::{self, ReportFilter},
};

pub(crate) use acknowledge::AcknowledgeCritical;
pub(crate) use addendum::AddAddendum;
pub(crate) use allowed::allowed;
pub(crate) use amend::AmendReport;
pub(crate) use assign::AssignReport;
pub(crate) use cancel::CancelReport;
pub(crate) use confirm::ConfirmReport;
pub(crate) use create::CreateReport;
pub(crate) use draft::UpdateReportDraft;
pub(crate) use withdraw::WithdrawReport;
use writing::{Writing, locked, logged, writer};

/// The diagnosis reports.
pub(crate) struct Reports {
    pool: PgPool,
    changes: Changes,
    settings: settings::ReportSettings,
    signing: Signing,
}

impl Reports {
    pub(crate) fn new(pool: PgPool, settings: settings::ReportSettings, signing: Signing) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, settings, signing }
    }

    /// The reports that the caller may read, of these. A patient sees the own ones that were released.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Report>, Fault> {
        match caller.reach(Resource::DiagnosticReport, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(reports::by_id(&self.pool, ids, own).await?),
        }
    }

    /// The report of each of these orders, of those that the caller may read: a patient's was released.
    pub(crate) async fn of_orders(&self, caller: &Caller, orders: &[Uuid]) -> Result<Vec<Report>, Fault> {
        match caller.reach(Resource::DiagnosticReport, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(reports::of_orders(&self.pool, orders, own).await?),
        }
    }

    /// A page of reports of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Report>, Fault> {
        let (patients, filter) = self.visible(caller, patients, filter)?;
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reports::of_patients(&self.pool, &patients, &filter, window).await?)
    }

    /// How many reports of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let (patients, filter) = self.visible(caller, patients, filter)?;
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reports::count_of_patients(&self.pool, &patients, &filter).await?)
    }

    /// A page of the reports that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Report>, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        let filter = self.worded(caller, filter)?;
        let found = match filter.text {
            Some(_) => reports::find(&self.pool, &filter, window).await?,
            None => reports::list(&self.pool, &filter, window).await?,
        };
        Ok(window.page(found))
    }

    /// How many reports the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ReportFilter) -> Result<Total, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        let filter = self.worded(caller, filter)?;
        Ok(match filter.text {
            Some(_) => reports::count_found(&self.pool, &filter).await?,
            None => reports::count(&self.pool, &filter).await?,
        })
    }

    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression. It is logged with it.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        report: CreateReport,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Create)?;
        self.make_once(&report, key, caller, now).await
    }

    /// Writes a report that was not released. Who writes it has it for a while.
    pub(crate) async fn update_draft(
        &self,
        caller: &Caller,
        update: UpdateReportDraft,
        now: DateTime<Utc>,
    ) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Update)?;
        self.changes.make(&self.writing(&update), caller, now).await
    }

    /// Gives a report to somebody to write, who has it for a while.
    pub(crate) async fn assign(&self, caller: &Caller, assign: AssignReport, now: DateTime<Utc>) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Update)?;
        self.changes.make(&self.writing(&assign), caller, now).await
    }

    /// Ends a report that was not released.
    pub(crate) async fn cancel(&self, caller: &Caller, cancel: CancelReport, now: DateTime<Utc>) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Update)?;
        self.changes.make(&self.writing(&cancel), caller, now).await
    }

    /// Takes note of a critical result, once.
    pub(crate) async fn acknowledge(
        &self,
        caller: &Caller,
        acknowledge: AcknowledgeCritical,
        now: DateTime<Utc>,
    ) -> Outcome<Report> {
        caller.require(Resource::DiagnosticReport, Right::Update)?;
        self.changes.make(&self.writing(&acknowledge), caller, now).await
    }

    fn writing<'a, C>(&'a self, change: &'a C) -> Writing<'a, C> {
        Writing { change, settings: &self.settings }
    }

    async fn make_once<'a, C>(
        &'a self,
        change: &'a C,
        key: Option<Uuid>,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Outcome<Report>
    where
        Writing<'a, C>: Once<Made = Report>,
    {
        self.changes.make_once(&self.writing(change), key, caller, now).await
    }

    /// Of these patients those that the caller reaches, and what of the filter is left for it: a patient sees what was
    /// released.
    fn visible(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &ReportFilter,
    ) -> Result<(Vec<Uuid>, ReportFilter), Fault> {
        let reach = caller.reach(Resource::DiagnosticReport, Right::Read);
        let patients = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
        let filter = self.worded(caller, filter)?;
        Ok((patients, ReportFilter { released_only: reach != Reach::Everyone, ..filter }))
    }

    /// The filter with the language of its words. Whoever looks for words must be one who may search all reports.
    fn worded(&self, caller: &Caller, filter: &ReportFilter) -> Result<ReportFilter, Fault> {
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_some() {
            caller.require(Resource::DiagnosticReport, Right::Search)?;
        }
        Ok(ReportFilter { text, language: Some(self.settings.search_language.name()), ..filter.clone() })
    }
}
