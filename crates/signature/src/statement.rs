use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use healthbridge_terms::coded;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Digest, PublicKeys, canonical};

/// Stands before the statement in what is signed: no signature of anything else is one of a statement, nor one of these one
/// of something else.
const DOMAIN: &[u8] = b"healthbridge report statement 1\0";

coded! {
    /// What somebody says who signs a report (ASTM E1762, urn:iso-astm:E1762-95:2013).
    pub enum Meaning("SignatureMeaning") {
        /// "I wrote it" (1.2.840.10065.1.12.1.1).
        Authorship,
        /// "I have examined it, and it is right" (1.2.840.10065.1.12.1.5).
        Verification,
        /// "I wrote it together with the author" (1.2.840.10065.1.12.1.2).
        Cosignature,
        /// "I added to it, and changed nothing" (1.2.840.10065.1.12.1.15).
        Addendum,
        /// "I changed it" (1.2.840.10065.1.12.1.16).
        Amendment,
    }
}

/// What is signed: who says what about which content of a report, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// The report.
    pub report_id: Uuid,
    /// The number of its version.
    pub version: i32,
    /// The digest of the version's content.
    pub content_sha256: Digest,
    /// The member of the medical staff who signs.
    pub signer: Uuid,
    /// What is said.
    pub meaning: Meaning,
    /// When, in whole microseconds: what is less a database does not keep, and is no part of the statement.
    #[serde(with = "microseconds")]
    pub signed_at: DateTime<Utc>,
}

/// A signature on a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// The id of the key, its RFC 7638 thumbprint.
    pub key_id: String,
    /// The Ed25519 signature (RFC 8032) in base64url without padding.
    pub signature: String,
}

/// Why a signature is none of the statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody published such a key.
    #[error("the key {0:?} is not among the published ones")]
    UnknownKey(String),
    /// It is not written as a signature is.
    #[error("the signature is malformed")]
    Malformed,
    /// The key has not signed this.
    #[error("the key has not signed this statement")]
    Forged,
}

impl Statement {
    /// The bytes that are signed.
    ///
    /// # Panics
    /// Never: a statement has no numbers but its version.
    pub fn bytes(&self) -> Vec<u8> {
        let text = canonical(self).expect("ids, digests, codes and times have a canonical form");
        [DOMAIN, text.as_bytes()].concat()
    }
}

impl Signature {
    pub(crate) fn of(key_id: &str, signature: &[u8; 64]) -> Self {
        Self { key_id: key_id.to_owned(), signature: URL_SAFE_NO_PAD.encode(signature) }
    }

    fn bytes(&self) -> Result<[u8; 64], Refused> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.signature).map_err(|_| Refused::Malformed)?;
        bytes.try_into().map_err(|_| Refused::Malformed)
    }
}

/// Whether one of the published keys has signed the statement.
///
/// # Errors
/// Why not.
pub fn verify(keys: &PublicKeys, statement: &Statement, signature: &Signature) -> Result<(), Refused> {
    let key = keys.find(&signature.key_id).ok_or_else(|| Refused::UnknownKey(signature.key_id.clone()))?;
    if key.verifies(&statement.bytes(), &signature.bytes()?) { Ok(()) } else { Err(Refused::Forged) }
}

/// Times as statements have them: RFC 3339 in UTC with six digits of a second, always.
mod microseconds {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(moment))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let written = String::deserialize(deserializer)?;
        let moment: DateTime<Utc> = written.parse().map_err(D::Error::custom)?;
        if text(&moment) == written { Ok(moment) } else { Err(D::Error::custom("this is no time with microseconds")) }
    }

    fn text(moment: &DateTime<Utc>) -> String {
        moment.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}
