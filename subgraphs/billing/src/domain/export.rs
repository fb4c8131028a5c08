//! The ledger as CSV (RFC 4180), a line for each posting.

use chrono::{DateTime, SecondsFormat, Utc};
use healthbridge_terms::Money;
use uuid::Uuid;

/// A time, from the first moment up to and without the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The end of the exported time, exclusive.
    pub to: DateTime<Utc>,
}

/// An export of the ledger.
#[derive(Clone, Debug)]
pub struct LedgerExport {
    /// Our id, which the object's key is made of.
    pub id: Uuid,
    /// Movements that were recorded in this time.
    pub period: Period,
    /// Who asked for it.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// When the object is deleted.
    pub expires_at: DateTime<Utc>,
}

impl LedgerExport {
    /// The name of the file.
    pub fn file_name(&self) -> String {
        let Period { from, to } = self.period;
        format!("ledger-{}-{}.csv", from.format("%Y%m%dT%H%M%SZ"), to.format("%Y%m%dT%H%M%SZ"))
    }
}

/// What the keys of exports begin with, in a bucket that others use, too.
pub const OBJECTS: &str = "ledger-exports/";

/// The export that an object is, if it is one.
pub fn export_of(object_key: &str) -> Option<Uuid> {
    object_key.strip_prefix(OBJECTS)?.strip_suffix(".csv")?.parse().ok()
}

/// The key of the object of the export with this id.
pub fn object_key(id: Uuid) -> String {
    format!("{OBJECTS}{id}.csv")
}

/// One side of a movement, with what the movement says.
#[derive(Clone, Debug)]
pub struct LedgerLine {
    /// Counts the movements.
    pub seq: i64,
    /// The movement.
    pub movement_id: Uuid,
    /// The kind of movement.
    pub kind: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// By whom.
    pub recorded_by: Uuid,
    /// Whose it is.
    pub patient_id: Uuid,
    /// The account.
    pub account: String,
    /// The billing of a receivable.
    pub billing_id: Option<Uuid>,
    /// A debit is positive, a credit negative; all lines of a movement come to nothing.
    pub amount: Money,
    /// How money moved.
    pub method: Option<String>,
    /// What it was called elsewhere.
    pub reference: Option<String>,
    /// The reason, in plain text.
    pub reason: Option<String>,
    /// The payment that a refund returns; null for everything else.
    pub reverses_id: Option<Uuid>,
}

const COLUMNS: [&str; 14] = [
    "seq",
    "movementId",
    "kind",
    "recordedAt",
    "recordedBy",
    "patientId",
    "account",
    "billingId",
    "currency",
    "amount",
    "method",
    "reference",
    "reason",
    "reversesId",
];

/// The first line of the file.
///
/// # Errors
/// Never: it is written into memory.
pub fn csv_header() -> Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(COLUMNS)?;
    csv.into_inner().map_err(|error| error.into_error().into())
}

/// These lines as they stand in the file.
///
/// # Errors
/// Never: they are written into memory.
pub fn csv_lines(lines: &[LedgerLine]) -> Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for line in lines {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        csv.write_record([
            line.seq.to_string(),
            line.movement_id.to_string(),
            line.kind.clone(),
            line.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            line.recorded_by.to_string(),
            line.patient_id.to_string(),
            line.account.clone(),
            id(line.billing_id),
            line.amount.currency().to_string(),
            line.amount.amount().to_string(),
            line.method.clone().unwrap_or_default(),
            text(line.reference.as_deref()),
            text(line.reason.as_deref()),
            id(line.reverses_id),
        ])?;
    }
    csv.into_inner().map_err(|error| error.into_error().into())
}

/// A text that somebody typed. A spreadsheet would run one that looks like a formula: an apostrophe before it makes it text.
fn text(typed: Option<&str>) -> String {
    match typed {
        Some(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Some(text) => text.to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reference: &str) -> LedgerLine {
        LedgerLine {
            seq: 7,
            movement_id: Uuid::nil(),
            kind: "PAYMENT".to_owned(),
            recorded_at: "2026-01-02T03:04:05.006007Z".parse().expect("a moment"),
            recorded_by: Uuid::nil(),
            patient_id: Uuid::nil(),
            account: "CASH".to_owned(),
            billing_id: None,
            amount: Money::new("-12.5".parse().expect("a number"), "KWD".parse().expect("a currency")).expect("money"),
            method: Some("CARD".to_owned()),
            reference: Some(reference.to_owned()),
            reason: None,
            reverses_id: None,
        }
    }

    #[test]
    fn a_line_has_the_columns_of_the_header_and_the_decimals_of_its_currency() {
        let file = [csv_header().expect("a header"), csv_lines(&[line("a, \"b\"")]).expect("a line")].concat();
        let file = String::from_utf8(file).expect("UTF-8");
        let nil = Uuid::nil();
        assert_eq!(
            file,
            format!(
                "seq,movementId,kind,recordedAt,recordedBy,patientId,account,billingId,currency,amount,method,reference,\
                 reason,reversesId\n7,{nil},PAYMENT,2026-01-02T03:04:05.006007Z,{nil},{nil},CASH,,KWD,-12.500,CARD,\
                 \"a, \"\"b\"\"\",,\n"
            )
        );
    }

    #[test]
    fn what_looks_like_a_formula_stays_text() {
        for typed in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(text(Some(typed)), format!("'{typed}"));
        }
        assert_eq!(text(Some("R-17")), "R-17");
    }
}
