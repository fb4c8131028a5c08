//! What was released of a report.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject};
use healthbridge_graphql::{Code, List, Time, batch, below};
use healthbridge_signature::Meaning;

use crate::{
    domain::{self, ReportStatus},
    graphql::staff::MedicalStaff,
    service::ReportVersions,
};

/// A version of a report: what was released, which nobody changes any more.
pub(crate) struct ReportVersion(Arc<domain::ReportVersion>);

/// A version of a report: what was released, which nobody changes any more.
#[Object]
impl ReportVersion {
    /// The number, from 1 on.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// The status that the report had from then on.
    async fn status(&self) -> Code<ReportStatus> {
        Code(self.0.status)
    }

    /// Findings: what the images show.
    async fn findings(&self) -> Option<&str> {
        self.0.findings.as_deref()
    }

    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    async fn impression(&self) -> Option<&str> {
        self.0.impression.as_deref()
    }

    /// All that was released, as canonical JSON (RFC 8785).
    async fn content(&self) -> &str {
        &self.0.content
    }

    /// The SHA-256 of `content`, lower-case hexadecimal.
    async fn content_sha256(&self) -> String {
        self.0.content_sha256.to_string()
    }

    /// When it was released.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// Who released it. Null where the caller may not see the record, or the part of the system that knows it is unavailable.
    async fn created_by(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.created_by.into() })
    }

    /// Why, where the report had been released before.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

impl List for ReportVersion {
    const ORDER: &'static str = "report-version";
    type Row = domain::ReportVersion;
    type Place = i32;

    fn place(version: &domain::ReportVersion) -> i32 {
        version.number
    }

    fn node(version: Arc<domain::ReportVersion>) -> Self {
        Self(version)
    }
}

below! {
    /// The versions below reports.
    pub(super) VersionsOfReport = ReportVersions::{of_reports, count_of_reports}(; i32) -> domain::ReportVersion,
        by |version| version.report_id
}

/// What was added to a report after its release; the text above stays as it is.
pub(crate) struct ReportAddendum(pub(super) Arc<domain::Addendum>);

/// What was added to a report after its release; the text above stays as it is.
#[Object]
impl ReportAddendum {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What was added.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// Who wrote it. Null where the caller may not see the record, or the part of the system that knows it is unavailable.
    async fn author(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.author_id.into() })
    }

    /// When it was added.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }
}

batch! {
    /// What was added to these reports.
    pub(super) AddendaOfReport = ReportVersions::addenda() -> domain::Addendum, by |addendum| addendum.report_id
}

/// Who signed a version of a report, what that means, and the signature.
#[derive(SimpleObject)]
pub(crate) struct ReportSignature {
    /// The number of the version that was signed.
    version: i32,
    /// Who signed. Null where the caller may not see the record, or the part of the system that knows it is unavailable.
    signed_by: Option<MedicalStaff>,
    /// When, to the microsecond, as it stands in what was signed.
    signed_at: Time,
    /// What the signature means.
    meaning: Code<Meaning>,
    /// The SHA-256 of the version's content, lower-case hexadecimal.
    content_sha256: String,
    /// The Ed25519 signature (RFC 8032) in base64url without padding, over report, version, digest, signer, meaning and time.
    signature: String,
    /// The key that it was signed with, by its RFC 7638 thumbprint, among those at `/.well-known/report-signing-jwks.json`.
    key_id: String,
    /// Whether the signature is one of what the version says, verified anew for this answer; of the last version also whether
    /// that is what the report says now.
    valid: bool,
}

impl ReportSignature {
    pub(super) fn of(signature: &domain::ReportSignature, valid: bool) -> Self {
        Self {
            version: signature.version,
            signed_by: Some(MedicalStaff { id: signature.signed_by.into() }),
            signed_at: signature.signed_at.into(),
            meaning: Code(signature.meaning),
            content_sha256: signature.content_sha256.to_string(),
            signature: signature.signature.signature.clone(),
            key_id: signature.signature.key_id.clone(),
            valid,
        }
    }
}

batch! {
    /// The signatures of these reports.
    pub(super) SignaturesOfReport = ReportVersions::signatures() -> domain::ReportSignature,
        by |signature| signature.report_id
}
