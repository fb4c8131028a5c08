use healthbridge_outcome::{Fault, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use healthbridge_signature::Digest;
use sqlx::PgPool;
use uuid::Uuid;

use super::Signing;
use crate::{
    domain::{Addendum, Report, ReportSignature, ReportVersion, content},
    store::report_versions,
};

/// What was released of reports. It hangs below a report that the caller may read: whoever reads that reads these.
pub(crate) struct ReportVersions {
    pool: PgPool,
    signing: Signing,
}

impl ReportVersions {
    pub(crate) fn new(pool: PgPool, signing: Signing) -> Self {
        Self { pool, signing }
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

    /// The signatures of these reports.
    pub(crate) async fn signatures(&self, caller: &Caller, reports: &[Uuid]) -> Result<Vec<ReportSignature>, Fault> {
        if !reads(caller) {
            return Ok(Vec::new());
        }
        Ok(report_versions::signatures_of_reports(&self.pool, reports).await?)
    }

    /// Whether the installation has signed what the version says, and, of the last version, that this is what the report
    /// says now.
    pub(crate) fn is_valid(&self, signature: &ReportSignature, report: &Report, addenda: &[Addendum]) -> bool {
        let is_signed = self.signing.verify(&signature.statement(), &signature.signature).is_ok();
        let is_last = signature.version == report.current_version;
        let now = || Digest::of_content(&content(report, addenda)).ok();
        is_signed && (!is_last || now() == Some(signature.content_sha256))
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
