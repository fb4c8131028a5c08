//! The lists of reports beside those of patients: by author, by image, and of what is to be done.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use healthbridge_outcome::{Direction, Fault, Page, Total, Window};
use healthbridge_rights::{Caller, Resource, Right};
use uuid::Uuid;

use super::Reports;
use crate::{
    domain::{CriticalPlace, Report, WorkPlace},
    store::reports::{self, ReportFilter, Responsible},
};

impl Reports {
    /// A page of reports by each of these members of the staff.
    pub(crate) async fn of_staff(
        &self,
        caller: &Caller,
        staff: &[Uuid],
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Report>, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(reports::of_staff(&self.pool, staff, &self.worded(caller, filter)?, window).await?)
    }

    /// How many reports each of these members of the staff has written.
    pub(crate) async fn count_of_staff(
        &self,
        caller: &Caller,
        staff: &[Uuid],
        filter: &ReportFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        caller.require(Resource::DiagnosticReport, Right::Search)?;
        Ok(reports::count_of_staff(&self.pool, staff, &self.worded(caller, filter)?).await?)
    }

    /// A page of reports about each of these images, of those that the caller may read, each with the image.
    pub(crate) async fn of_images(
        &self,
        caller: &Caller,
        images: &[Uuid],
        filter: &ReportFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<(Uuid, Report)>, Fault> {
        let Some(filter) = self.confined(caller, filter)? else { return Ok(Vec::new()) };
        let mut found = reports::of_images(&self.pool, images, &filter, window).await?;
        found.sort_by_key(|report| report.id);
        if window.direction == Direction::Forward {
            found.reverse();
        }
        // A report that is about several of the images was found by each: once is enough.
        let mut seen = HashSet::new();
        found.retain(|report| seen.insert(report.id));
        let of = |image: &Uuid| {
            let image = *image;
            let about = found.iter().filter(move |report| report.image_ids.contains(&image));
            about.map(move |report| (image, report.clone()))
        };
        Ok(images.iter().flat_map(of).collect())
    }

    /// How many reports about each of these images the caller may read.
    pub(crate) async fn count_of_images(
        &self,
        caller: &Caller,
        images: &[Uuid],
        filter: &ReportFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let Some(filter) = self.confined(caller, filter)? else { return Ok(Vec::new()) };
        Ok(reports::count_of_images(&self.pool, images, &filter).await?)
    }

    /// A page of what is to be written: by the caller, or by anybody.
    pub(crate) async fn worklist(
        &self,
        caller: &Caller,
        is_mine: bool,
        window: &Window<WorkPlace>,
    ) -> Result<Page<Report>, Fault> {
        let assignee = whose(caller, is_mine)?;
        Ok(window.page(reports::worklist(&self.pool, assignee, window).await?))
    }

    /// How many reports are to be written: by the caller, or by anybody.
    pub(crate) async fn count_worklist(&self, caller: &Caller, is_mine: bool) -> Result<Total, Fault> {
        let assignee = whose(caller, is_mine)?;
        Ok(reports::count_worklist(&self.pool, assignee).await?)
    }

    /// A page of the critical results that nobody has acknowledged: those that the caller answers for, or all.
    pub(crate) async fn critical(
        &self,
        caller: &Caller,
        is_mine: bool,
        now: DateTime<Utc>,
        window: &Window<CriticalPlace>,
    ) -> Result<Page<Report>, Fault> {
        let whose = self.responsible(caller, is_mine, now)?;
        Ok(window.page(reports::critical(&self.pool, whose, window).await?))
    }

    /// How many critical results nobody has acknowledged.
    pub(crate) async fn count_critical(
        &self,
        caller: &Caller,
        is_mine: bool,
        now: DateTime<Utc>,
    ) -> Result<Total, Fault> {
        let whose = self.responsible(caller, is_mine, now)?;
        Ok(reports::count_critical(&self.pool, whose).await?)
    }

    /// The filter, confined to what the caller may read; nothing where that is nothing.
    fn confined(&self, caller: &Caller, filter: &ReportFilter) -> Result<Option<ReportFilter>, Fault> {
        let filter = self.worded(caller, filter)?;
        let own = caller.reach(Resource::DiagnosticReport, Right::Read).confine();
        Ok(own.map(|own| ReportFilter { own, released_only: own.is_some(), ..filter }))
    }

    fn responsible(&self, caller: &Caller, is_mine: bool, now: DateTime<Utc>) -> Result<Option<Responsible>, Fault> {
        let account = caller.require(Resource::DiagnosticReport, Right::Search)?;
        let overdue_since = now - self.settings.critical();
        Ok(is_mine.then_some(Responsible { staff_id: account.staff_id, overdue_since }))
    }
}

/// Whose reports are asked for: who is nobody of the staff has none.
fn whose(caller: &Caller, is_mine: bool) -> Result<Option<Uuid>, Fault> {
    let account = caller.require(Resource::DiagnosticReport, Right::Search)?;
    Ok(is_mine.then(|| account.staff_id.unwrap_or_default()))
}
