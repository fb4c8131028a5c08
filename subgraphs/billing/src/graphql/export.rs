use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{BigInt, Presigned, Time, UserError, caller, now, service, settled};
use healthbridge_outcome::Fault;

use crate::{
    domain::Period,
    service::{ExportLedger, Exported, Exports},
};

/// Which part of the ledger is exported.
#[derive(InputObject)]
pub(crate) struct ExportLedgerInput {
    /// Movements that were recorded then or later.
    from: Time,
    /// Movements that were recorded before; at most 366 days behind `from`.
    to: Time,
}

/// A part of the ledger as CSV (RFC 4180, UTF-8): a line for each posting, in the order of the movements, with the columns
/// `seq`, `movementId`, `kind`, `recordedAt` (ISO 8601, UTC), `recordedBy`, `patientId`, `account`, `billingId`, `currency`
/// (ISO 4217), `amount`, `method`, `reference`, `reason` and `reversesId`. A debit is positive, a credit negative: the
/// amounts of a movement come to nothing, and so do those of a currency. An apostrophe stands before a `reference` or
/// `reason` that a spreadsheet would take for a formula.
#[derive(SimpleObject)]
pub(crate) struct LedgerExport {
    /// The id under which the export is recorded for audits.
    id: ID,
    /// The beginning of the exported time, inclusive.
    from: Time,
    /// The end of the exported time, exclusive.
    to: Time,
    /// How many postings the file has, a line for each.
    rows: BigInt,
    /// The file's length in bytes.
    byte_size: BigInt,
    /// The file's SHA-256, lower-case hex.
    sha256: String,
    /// A URL that reads the file for 15 minutes; then the file is deleted.
    download: Presigned,
}

impl From<Exported> for LedgerExport {
    fn from(Exported { export, written, download }: Exported) -> Self {
        Self {
            id: export.id.into(),
            from: export.period.from.into(),
            to: export.period.to.into(),
            rows: BigInt(written.rows),
            byte_size: BigInt(written.byte_size),
            sha256: hex::encode(written.sha256),
            download: download.into(),
        }
    }
}

/// An export, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct LedgerExportPayload {
    /// The export.
    export: Option<LedgerExport>,
    /// Why the input was refused; then nothing was written.
    user_errors: Vec<UserError>,
}

/// What is exported.
#[derive(Default)]
pub(super) struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Writes a part of the ledger into a file that can be read by a presigned URL, with patients' ids and no names. It is
    /// noted who took what. It changes nothing, and may be sent again; once a minute has passed behind `to`, the file is
    /// always the same.
    #[graphql(requires_scopes = "user/PaymentNotice.s", requires_scopes = "system/PaymentNotice.s")]
    async fn export_ledger(
        &self,
        ctx: &Context<'_>,
        input: ExportLedgerInput,
    ) -> Result<Option<LedgerExportPayload>, Fault> {
        let asked = ExportLedger(Period { from: input.from.into(), to: input.to.into() });
        let (export, user_errors) = settled(service::<Exports>(ctx).export(caller(ctx), asked, now()).await)?;
        Ok(Some(LedgerExportPayload { export: export.map(Into::into), user_errors }))
    }
}
