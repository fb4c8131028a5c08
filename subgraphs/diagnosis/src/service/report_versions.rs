use healthbridge_outcome::{Fault, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    domain::{Addendum, ReportVersion},
    store::report_versions,
};

/// What was released of reports. It hangs below a report that the caller may read: whoever reads that reads these.
pub(crate) struct ReportVersions {
    pool: PgPool,
}

impl ReportVersions {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A page of the versions of each of these reports.
    pub(crate) async fn of_reports(
        &self,
        caller: &Caller,
        reports: &[Uuid],
        window: &Window<i32>,
    ) -> Result<Vec<ReportVersion>, Fault> {
        if !reads(caller) {
            return Ok(Vec::new());
        }
        Ok(report_versions::of_reports(&self.pool, reports, window).await?)
    }

    /// How many versions each of these reports has.
    pub(crate) async fn count_of_reports(
        &self,
        caller: &Caller,
        reports: &[Uuid],
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        if !reads(caller) {
            return Ok(Vec::new());
        }
        Ok(report_versions::count_of_reports(&self.pool, reports).await?)
    }

    /// What was added to these reports.
    pub(crate) async fn addenda(&self, caller: &Caller, reports: &[Uuid]) -> Result<Vec<Addendum>, Fault> {
        if !reads(caller) {
            return Ok(Vec::new());
        }
        Ok(report_versions::addenda_of_reports(&self.pool, reports).await?)
    }
}

fn reads(caller: &Caller) -> bool {
    caller.reach(Resource::DiagnosticReport, Right::Read) != Reach::Nobody
}
