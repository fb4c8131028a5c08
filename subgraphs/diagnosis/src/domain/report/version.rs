use chrono::{DateTime, SecondsFormat, Utc};
use healthbridge_signature::{Digest, Meaning, Signature, Statement};
use healthbridge_terms::Coded;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Report, ReportStatus};

/// A version of a report: its content as it was released, which nobody changes.
#[derive(Clone, Debug)]
pub struct ReportVersion {
    /// The report.
    pub report_id: Uuid,
    /// The number, from 1 on.
    pub number: i32,
    /// The status that the report had from then on.
    pub status: ReportStatus,
    /// Findings.
    pub findings: Option<String>,
    /// The impression.
    pub impression: Option<String>,
    /// The whole content, canonical JSON (RFC 8785).
    pub content: String,
    /// The content's digest.
    pub content_sha256: Digest,
    /// When it was released.
    pub created_at: DateTime<Utc>,
    /// The member of the medical staff who released it.
    pub created_by: Uuid,
    /// Why, where the report had been released before.
    pub reason: Option<String>,
}

/// A signature below a version of a report.
#[derive(Clone, Debug)]
pub struct ReportSignature {
    /// Our id.
    pub id: Uuid,
    /// The report.
    pub report_id: Uuid,
    /// The number of the version.
    pub version: i32,
    /// The digest of that version's content.
    pub content_sha256: Digest,
    /// The member of the medical staff who signed.
    pub signed_by: Uuid,
    /// When.
    pub signed_at: DateTime<Utc>,
    /// What that means.
    pub meaning: Meaning,
    /// By which key, and the signature.
    pub signature: Signature,
}

impl ReportSignature {
    /// What was signed.
    pub fn statement(&self) -> Statement {
        Statement {
            report_id: self.report_id,
            version: self.version,
            content_sha256: self.content_sha256,
            signer: self.signed_by,
            meaning: self.meaning,
            signed_at: self.signed_at,
        }
    }
}

/// What was added to a released report.
#[derive(Clone, Debug)]
pub struct Addendum {
    /// Our id.
    pub id: Uuid,
    /// The report.
    pub report_id: Uuid,
    /// The text.
    pub text: String,
    /// The member of the medical staff who wrote it.
    pub author_id: Uuid,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What is released of a report, to be written canonically: all that a reader goes by, and nothing of how it was worked on.
pub fn content(report: &Report, addenda: &[Addendum]) -> Value {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let addendum = |one: &Addendum| json!({ "id": one.id, "text": one.text, "authorId": one.author_id, "createdAt": time(one.created_at) });
    json!({
        "id": report.id,
        "patientId": report.patient_id,
        "status": report.status.text(),
        "statusReason": report.status_reason,
        "category": report.category,
        "code": report.code,
        "clinicalHistory": report.clinical_history,
        "technique": report.technique,
        "findings": report.findings,
        "impression": report.impression,
        "conclusionCodes": report.conclusion_codes,
        "critical": report.critical,
        "authorId": report.author_id,
        "studyId": report.study_id,
        "imageIds": report.image_ids,
        "issuedAt": report.issued_at.map(time),
        "addenda": addenda.iter().map(addendum).collect::<Vec<_>>(),
    })
}
