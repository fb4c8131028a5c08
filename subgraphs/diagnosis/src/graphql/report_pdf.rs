use async_graphql::{Context, ID, Object, SimpleObject};
use healthbridge_graphql::{BigInt, Code, Presigned, bearer, caller, now, parse_id, service};
use healthbridge_outcome::Fault;

use crate::{
    domain::ReportStatus,
    service::{Printed, ReportPdfs},
};

/// A released version of a report as a file: PDF/A-2a with the letterhead, the text as it was signed, its addenda, who signed,
/// and the SHA-256 of the signed content in letters and as a QR code. It is printed when it is asked for first, with people's
/// names as they were then, and is the same file afterwards. A version that was superseded or withdrawn says so.
#[derive(SimpleObject)]
pub(crate) struct ReportPdf {
    /// The report.
    report_id: ID,
    /// The number of the version, from 1 on.
    version: i32,
    /// The status that the report had by this version.
    status: Code<ReportStatus>,
    /// The SHA-256 of the version's content, which its signatures sign and the QR code has; lower-case hexadecimal.
    content_sha256: String,
    /// The file's length in bytes.
    byte_size: BigInt,
    /// Whether everything could be printed. Otherwise a name was not known, or a script has no font where it was printed; the
    /// file says what it lacks, and is made anew each time.
    is_complete: bool,
    /// A URL that reads the file for 5 minutes.
    download: Presigned,
}

impl From<Printed> for ReportPdf {
    fn from(printed: Printed) -> Self {
        Self {
            report_id: printed.pdf.report_id.into(),
            version: printed.pdf.version,
            status: Code(printed.status),
            content_sha256: printed.content_sha256,
            byte_size: BigInt(printed.byte_size),
            is_complete: printed.pdf.is_whole,
            download: printed.download.into(),
        }
    }
}

/// How reports are printed.
#[derive(Default)]
pub(super) struct ReportPdfQuery;

#[Object]
impl ReportPdfQuery {
    /// A released version of a report as a file. Null where there is no such report or version, it was not released, or the
    /// caller may not see it. `FORBIDDEN` where the caller may see the report and not the patient, whose name is in the file.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn report_pdf(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The report.")] report_id: ID,
        #[graphql(desc = "The number of the version; the last one where it is left out.")] version: Option<i32>,
    ) -> Result<Option<ReportPdf>, Fault> {
        let Some(report) = parse_id(&report_id) else { return Ok(None) };
        let printed = service::<ReportPdfs>(ctx).print(caller(ctx), bearer(ctx), report, version, now()).await?;
        Ok(printed.map(Into::into))
    }
}
