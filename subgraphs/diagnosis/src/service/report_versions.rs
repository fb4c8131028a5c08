use healthbridge_outcome::{Fault, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use healthbridge_signature::{Digest, SignedReport, SignedStatement};
use serde_json::Value;
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

    /// A version as a file that is verified without us, if anybody signed it; of these signatures of its report the file has
    /// those of the version.
    pub(crate) fn document<'a>(
        version: &ReportVersion,
        signatures: impl Iterator<Item = &'a ReportSignature>,
    ) -> Result<Option<String>, Fault> {
        let own = signatures.filter(|signature| signature.version == version.number);
        let signed = own.map(|one| SignedStatement { statement: one.statement(), signed: one.signature.clone() });
        let signed: Vec<_> = signed.collect();
        if signed.is_empty() {
            return Ok(None);
        }
        let content: Value = serde_json::from_str(&version.content).map_err(Fault::internal)?;
        let document = SignedReport::new(version.report_id, version.number, &content, signed);
        document.and_then(|document| document.to_text()).map(Some).map_err(Fault::internal)
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
