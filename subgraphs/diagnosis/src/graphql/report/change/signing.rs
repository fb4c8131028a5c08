//! The inputs of what is signed.

use async_graphql::{ID, InputObject};
use healthbridge_graphql::{Code, CodingInput};
use healthbridge_signature::Meaning;
use uuid::Uuid;

use crate::service::{AddAddendum, AmendReport, ConfirmReport};

/// A change with the proof that comes beside it, and its key.
type Parts<C> = (C, Option<String>, Option<Uuid>);

/// A draft to be released.
#[derive(InputObject)]
pub(crate) struct ConfirmReportInput {
    /// The report.
    report_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// What the signature means: AUTHORSHIP, VERIFICATION or COSIGNATURE.
    #[graphql(default_with = "Code(Meaning::Verification)")]
    meaning: Code<Meaning>,
    /// The proof of `reauthenticate`.
    reauth_token: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer; no new proof is needed.
    idempotency_key: Option<Uuid>,
}

impl ConfirmReportInput {
    pub(super) fn into_parts(self) -> Parts<ConfirmReport> {
        let Self { report_id, expected_version, meaning, reauth_token, idempotency_key } = self;
        let confirm = ConfirmReport { report_id: report_id.0, expected_version, meaning: meaning.0 };
        (confirm, reauth_token, idempotency_key)
    }
}

/// What changes about a released report. A field that is left out stays as it is, and an empty text empties it.
#[derive(InputObject)]
pub(crate) struct AmendReportInput {
    /// The report.
    report_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// Whether an error is corrected: CORRECTED, and not AMENDED.
    #[graphql(default)]
    correction: bool,
    /// The reason, in plain text.
    reason: String,
    /// Findings: what the images show.
    findings: Option<String>,
    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    impression: Option<String>,
    /// The conclusion in codes of ICD-10 or SNOMED CT, all of them.
    conclusion_codes: Option<Vec<CodingInput>>,
    /// Whether the result is critical: somebody must act on it at once.
    critical: Option<bool>,
    /// The proof of `reauthenticate`.
    reauth_token: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer; no new proof is needed.
    idempotency_key: Option<Uuid>,
}

impl AmendReportInput {
    pub(super) fn into_parts(self) -> Parts<AmendReport> {
        let codes = self.conclusion_codes;
        let amend = AmendReport {
            report_id: self.report_id.0,
            expected_version: self.expected_version,
            correction: self.correction,
            reason: self.reason,
            findings: self.findings,
            impression: self.impression,
            conclusion_codes: codes.map(|codes| codes.into_iter().map(Into::into).collect()),
            critical: self.critical,
        };
        (amend, self.reauth_token, self.idempotency_key)
    }
}

/// What is added to a released report.
#[derive(InputObject)]
pub(crate) struct AddAddendumInput {
    /// The report.
    report_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// What is added.
    text: String,
    /// The proof of `reauthenticate`.
    reauth_token: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer; no new proof is needed.
    idempotency_key: Option<Uuid>,
}

impl AddAddendumInput {
    pub(super) fn into_parts(self) -> Parts<AddAddendum> {
        let Self { report_id, expected_version, text, reauth_token, idempotency_key } = self;
        (AddAddendum { report_id: report_id.0, expected_version, text }, reauth_token, idempotency_key)
    }
}
