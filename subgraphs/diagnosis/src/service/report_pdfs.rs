mod letter;
mod press;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use healthbridge_auth::Bearer;
use healthbridge_objectstore::{ObjectStore, Swept};
use healthbridge_outcome::{Fault, Presigned};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use self::letter::{Content, Written};
pub use self::press::{Press, PressError};
use crate::{
    domain::{REPORT_PDFS, ReportPdf, ReportStatus, Standing},
    service::people::People,
    store::report_pdfs::{self, Release},
};

/// How long a file can be read by its URL.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How much older than any URL an object is that is taken for nobody's.
const ORPHAN_MARGIN: TimeDelta = TimeDelta::hours(24);
const PDF: &str = "application/pdf";

/// What prints reports, and what it needs beside the database.
#[derive(Clone)]
pub struct Printing {
    /// Where the files are.
    pub objects: ObjectStore,
    /// What prints them.
    pub press: Press,
    /// Who people are.
    pub people: Arc<dyn People>,
}

/// A report as a file, and where it can be read.
#[derive(Debug)]
pub(crate) struct Printed {
    pub pdf: ReportPdf,
    pub status: ReportStatus,
    pub content_sha256: String,
    pub byte_size: i64,
    pub download: Presigned,
}

/// Reports as files.
pub(crate) struct ReportPdfs {
    pool: PgPool,
    printing: Printing,
}

impl ReportPdfs {
    pub(crate) fn new(pool: PgPool, printing: Printing) -> Self {
        Self { pool, printing }
    }

    /// A version of a report, the last one where none is named, as a file: printed when it is asked for first, and kept.
    /// `None` where there is no such version, or the caller may not read it.
    pub(crate) async fn print(
        &self,
        caller: &Caller,
        token: Option<&Bearer>,
        report: Uuid,
        version: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<Option<Printed>, Fault> {
        let Some(own) = caller.reach(Resource::DiagnosticReport, Right::Read).confine() else { return Ok(None) };
        let Some(release) = report_pdfs::release(&self.pool, report, version, own).await? else { return Ok(None) };
        // The file has the patient's name.
        if !caller.reach(Resource::Patient, Right::Read).covers(release.patient_id) {
            return Err(Fault::Forbidden);
        }
        let pdf = pdf(&release);
        let objects = &self.printing.objects;
        let (pdf, byte_size) = match objects.stored(&pdf.object_key()).await? {
            Some(stored) => (pdf, stored.size),
            None => self.make(&release, pdf, token.ok_or(Fault::Forbidden)?).await?,
        };
        let disposition = format!("attachment; filename=\"{}\"", pdf.file_name());
        let download = objects.presign_get(&pdf.object_key(), PDF, &disposition, LIFETIME, now).await?;
        let Release { status, content_sha256, .. } = release;
        Ok(Some(Printed { pdf, status, content_sha256, byte_size, download }))
    }

    /// Two who ask at once make the same file twice.
    async fn make(&self, release: &Release, pdf: ReportPdf, token: &Bearer) -> Result<(ReportPdf, i64), Fault> {
        let content: Content = serde_json::from_str(&release.content).map_err(Fault::internal)?;
        let signatures = report_pdfs::signatures(&self.pool, release.report_id, release.number).await?;
        let staff = content.staff(&signatures);
        let known = self.printing.people.known(release.patient_id, &staff, token).await.map_err(Fault::internal)?;
        let written = Written { pdf, release, content: &content, signatures: &signatures, known: &known };
        let rendered = self.printing.press.print(written.letter()).await.map_err(Fault::internal)?;
        // A sign that nobody has a font for is no loss; letters, and people who are not known now, may be there tomorrow.
        let is_known = known.patient.is_some() && staff.iter().all(|id| known.staff.contains_key(id));
        let is_whole = is_known && !rendered.unprintable.iter().any(|char| char.is_alphabetic());
        if !is_whole {
            tracing::warn!(report_id = %release.report_id, version = release.number, is_known,
                unprintable = rendered.unprintable.len(), "a report is printed incomplete, and is not kept");
        }
        let pdf = ReportPdf { is_whole, ..pdf };
        let byte_size = i64::try_from(rendered.pdf.len()).unwrap_or(i64::MAX);
        self.printing.objects.put(&pdf.object_key(), PDF, rendered.pdf).await?;
        Ok((pdf, byte_size))
    }
}

fn pdf(release: &Release) -> ReportPdf {
    let standing = match release.status_now {
        _ if release.number == release.current_version => Standing::Current,
        ReportStatus::EnteredInError => Standing::Withdrawn,
        _ => Standing::Superseded,
    };
    ReportPdf { report_id: release.report_id, version: release.number, standing, is_whole: true }
}

/// Deletes files of versions that are no more, and those that were incomplete.
///
/// # Errors
/// When the database or the storage fails; what was done stays done.
pub async fn delete_orphans(pool: PgPool, objects: ObjectStore, now: DateTime<Utc>) -> Result<Swept, Fault> {
    let owned = async |keys: Vec<String>| {
        let pdfs: Vec<ReportPdf> = keys.iter().filter_map(|key| ReportPdf::of_key(key)).collect();
        let reports: Vec<Uuid> = pdfs.iter().map(|pdf| pdf.report_id).collect();
        let versions: Vec<i32> = pdfs.iter().map(|pdf| pdf.version).collect();
        let known = report_pdfs::known_versions(&pool, &reports, &versions).await?;
        let known: HashSet<(Uuid, i32)> = known.into_iter().collect();
        let owned = pdfs.into_iter().filter(|pdf| known.contains(&(pdf.report_id, pdf.version)));
        Ok(owned.map(|pdf| pdf.object_key()).collect())
    };
    objects.sweep_orphans(REPORT_PDFS, now - LIFETIME - ORPHAN_MARGIN, owned).await
}
