//! Releasing: what a reader goes by is a version, which somebody signs who was asked again who it is.

use chrono::{DateTime, Utc};
use healthbridge_auth::Proven;
use healthbridge_change::{Change, Making, Once, failpoint, new_id};
use healthbridge_outcome::{Fault, Outcome, UserError};
use healthbridge_rights::{Caller, Resource, Right};
use healthbridge_signature::{Digest, Meaning, canonical};
use serde::Serialize;
use uuid::Uuid;

use super::{Reports, Writing, locked, logged, writer};
use crate::{
    domain::{Addendum, Report, ReportSignature, ReportVersion, WorkflowAction, content, stage::Stage},
    service::Signing,
    store::{report_versions, reports},
};

/// A change that signs, and whether the person was asked again: a change that is sent again answers with what it made, and
/// needs no new proof. Its key is bound to the change alone.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Signed<'a, C> {
    pub change: &'a C,
    #[serde(skip)]
    writing: Writing<'a, C>,
    #[serde(skip)]
    signing: &'a Signing,
    #[serde(skip)]
    proof: Result<Proven, UserError>,
}

/// What is said of a version beside its content.
pub(super) struct Said {
    pub meaning: Meaning,
    pub action: WorkflowAction,
    pub reason: Option<String>,
    pub addendum: Option<String>,
}

impl Reports {
    /// A change that signs, of somebody who may.
    async fn signed<'a, C>(
        &'a self,
        caller: &Caller,
        change: &'a C,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Outcome<Signed<'a, C>> {
        let account = caller.require(Resource::DiagnosticReport, Right::Update)?;
        if !caller.holds("policy:report.sign") {
            return Err(Fault::Forbidden.into());
        }
        let proof = self.signing.proven(account, token, now).await;
        Ok(Signed { change, writing: self.writing(change), signing: &self.signing, proof })
    }

    /// Releases a report once more, or for the first time; with a key it is done once.
    pub(crate) async fn release<'a, C>(
        &'a self,
        caller: &Caller,
        change: &'a C,
        (token, key): (Option<&str>, Option<Uuid>),
        now: DateTime<Utc>,
    ) -> Outcome<Report>
    where
        Signed<'a, C>: Once<Made = Report>,
    {
        let signed = self.signed(caller, change, token, now).await?;
        self.changes.make_once(&signed, key, caller, now).await
    }
}

impl<C> Signed<'_, C>
where
    Self: Change,
{
    /// Who signs: a member of the staff who was asked again.
    pub(super) fn signer(&self, making: &Making<'_>) -> Outcome<Uuid> {
        let writer = writer(making)?;
        self.proof.clone()?;
        Ok(writer)
    }

    /// A report of the version that the caller saw, locked. One that another system has released has its first version
    /// here from now on, as it is, signed by nobody.
    pub(super) async fn locked(&self, making: &mut Making<'_>, id: &str, expected_version: i32) -> Outcome<Stage> {
        let stage = locked(making, id, Some(expected_version)).await?;
        failpoint(Self::NAME, "locked");
        let Stage::Released(released) = &stage else { return Ok(stage) };
        let report = released.report();
        if report.current_version > 0 {
            return Ok(stage);
        }
        let first = Report { current_version: 1, ..report.clone() };
        let addenda = report_versions::addenda_of_reports(&mut *making.connection(), &[first.id]).await?;
        let version = version(&first, &addenda, first.author_id, first.issued_at.unwrap_or(first.updated_at), None)?;
        report_versions::insert(making.connection(), &version).await?;
        Ok(Stage::from(first))
    }

    /// Writes what was released: the report, its version, and the signature below that.
    pub(super) async fn write(
        &self,
        making: &mut Making<'_>,
        report: Report,
        signer: Uuid,
        said: Said,
    ) -> Outcome<Report> {
        let now = making.now;
        if let Some(text) = said.addendum {
            let addendum = Addendum { id: new_id(), report_id: report.id, text, author_id: signer, created_at: now };
            report_versions::insert_addendum(making.connection(), &addendum).await?;
            failpoint(Self::NAME, "addendum written");
        }
        reports::update(making.connection(), &report, self.writing.settings.search_language.name()).await?;
        failpoint(Self::NAME, "report written");
        let addenda = report_versions::addenda_of_reports(&mut *making.connection(), &[report.id]).await?;
        let version = version(&report, &addenda, signer, now, said.reason.clone())?;
        report_versions::insert(making.connection(), &version).await?;
        failpoint(Self::NAME, "version written");
        let signature = self.sign(&version, signer, said.meaning);
        report_versions::insert_signature(making.connection(), &signature).await?;
        failpoint(Self::NAME, "signature written");
        logged(making, &report, said.action, said.reason).await?;
        Ok(report)
    }

    fn sign(&self, version: &ReportVersion, signer: Uuid, meaning: Meaning) -> ReportSignature {
        let unsigned = ReportSignature {
            id: new_id(),
            report_id: version.report_id,
            version: version.number,
            content_sha256: version.content_sha256,
            signed_by: signer,
            signed_at: version.created_at,
            meaning,
            signature: healthbridge_signature::Signature { key_id: String::new(), signature: String::new() },
        };
        let signature = self.signing.sign(&unsigned.statement(), version.created_at);
        ReportSignature { signature, ..unsigned }
    }
}

/// What is released, written canonically.
fn version(
    report: &Report,
    addenda: &[Addendum],
    created_by: Uuid,
    created_at: DateTime<Utc>,
    reason: Option<String>,
) -> Result<ReportVersion, Fault> {
    let content = canonical(&content(report, addenda)).map_err(Fault::internal)?;
    Ok(ReportVersion {
        report_id: report.id,
        number: report.current_version,
        status: report.status,
        findings: report.findings.clone(),
        impression: report.impression.clone(),
        content_sha256: Digest::of(content.as_bytes()),
        content,
        created_at,
        created_by,
        reason,
    })
}

/// The id of a report that is changed, as it was sent.
pub(super) fn own_id(id: &str) -> Uuid {
    Uuid::try_parse(id).unwrap_or_else(|_| new_id())
}
