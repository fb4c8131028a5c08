use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Digest, NotCanonical, PublicKeys, Refused, Signature, Statement, canonical, strict::Strict, verify};

/// The largest file that is read, in bytes: much more than any report has.
const LARGEST: usize = 16 << 20;

/// A version of a report with everything that its signatures can be verified by, but the keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedReport {
    format: Format,
    /// The report.
    pub report_id: Uuid,
    /// The number of the version.
    pub version: i32,
    /// What the version says.
    pub content: Value,
    /// The digest of the content.
    pub content_sha256: Digest,
    /// Who signed it.
    pub signatures: Vec<SignedStatement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "healthbridge-signed-report-1")]
    SignedReport1,
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedStatement {
    /// What was signed.
    pub statement: Statement,
    /// By which key, and the signature.
    pub signed: Signature,
}

/// Why a file is no signed report.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is larger than any report.
    #[error("the file has more than {LARGEST} bytes")]
    TooLarge,
    /// It is something else, or two programs could read it differently.
    #[error("the file is no signed report")]
    Malformed(#[from] serde_json::Error),
    /// An id, a time or a digest is written in another way than the one that they are signed in.
    #[error("the file writes a value in another way than the one that is signed")]
    Otherwise,
}

/// What is wrong with a signed report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It has no signature.
    #[error("nobody has signed it")]
    Unsigned,
    /// The content is not the one that the file's digest is of.
    #[error("the content was changed: it is not what the digest is of")]
    Content,
    /// The statement is about another report.
    #[error("the statement is about the report {0}")]
    OtherReport(Uuid),
    /// The statement is about another version.
    #[error("the statement is about version {0}")]
    OtherVersion(i32),
    /// The statement is about another content.
    #[error("the statement is about another content")]
    OtherContent,
    /// The signature is none.
    #[error(transparent)]
    Signature(#[from] Refused),
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the content is what the digest is of, and anybody signed it.
    pub content: Result<(), Flaw>,
    /// For each signature, in their order, whether it is one of this version.
    pub signatures: Vec<Result<(), Flaw>>,
}

impl Verdict {
    /// Whether nothing is wrong: one bad signature beside good ones makes a file that nobody should trust.
    pub fn is_valid(&self) -> bool {
        self.content.is_ok() && self.signatures.iter().all(Result::is_ok)
    }
}

impl SignedReport {
    /// A version as it is exported.
    ///
    /// # Errors
    /// When its content has no canonical form.
    pub fn new(
        report_id: Uuid,
        version: i32,
        content: &impl Serialize,
        signatures: Vec<SignedStatement>,
    ) -> Result<Self, NotCanonical> {
        let (content, content_sha256) = (serde_json::to_value(content)?, Digest::of_content(content)?);
        Ok(Self { format: Format::SignedReport1, report_id, version, content, content_sha256, signatures })
    }

    /// The file's text, in canonical form.
    ///
    /// # Errors
    /// When a number of the content has none.
    pub fn to_text(&self) -> Result<String, NotCanonical> {
        canonical(self)
    }

    /// Reads a file. White space and the order of names are the writer's own; everything else has one form.
    ///
    /// # Errors
    /// When it is something else, has something behind its end, a name twice, or a name that is not known.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() > LARGEST {
            return Err(Unreadable::TooLarge);
        }
        let Strict(value) = serde_json::from_slice(bytes)?;
        let read = Self::deserialize(&value)?;
        if serde_json::to_value(&read)? == value { Ok(read) } else { Err(Unreadable::Otherwise) }
    }

    /// Verifies content and signatures by the published keys.
    pub fn verify(&self, keys: &PublicKeys) -> Verdict {
        let digest = Digest::of_content(&self.content).ok();
        let content = match digest {
            Some(digest) if digest == self.content_sha256 && self.signatures.is_empty() => Err(Flaw::Unsigned),
            Some(digest) if digest == self.content_sha256 => Ok(()),
            _ => Err(Flaw::Content),
        };
        let signatures = self.signatures.iter().map(|signed| self.verify_one(signed, digest, keys)).collect();
        Verdict { content, signatures }
    }

    /// A statement is about this report, this version and what its content is now, and was signed.
    fn verify_one(&self, signed: &SignedStatement, digest: Option<Digest>, keys: &PublicKeys) -> Result<(), Flaw> {
        let SignedStatement { statement, signed } = signed;
        if statement.report_id != self.report_id {
            return Err(Flaw::OtherReport(statement.report_id));
        }
        if statement.version != self.version {
            return Err(Flaw::OtherVersion(statement.version));
        }
        if digest != Some(statement.content_sha256) {
            return Err(Flaw::OtherContent);
        }
        Ok(verify(keys, statement, signed)?)
    }
}
