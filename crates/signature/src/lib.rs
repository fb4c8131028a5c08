//! What a signature on a report is, and how anybody checks it with the published keys alone.
//!
//! A version's content has one canonical form, whose SHA-256 stands in a [`Statement`]: who says what about which version,
//! when. The statement is what is signed.
//!
//! Belongs here: canonical JSON, statements, the keys that sign them, the exported file. No IO but the keys' file. Does not
//! belong here: who may sign, and what a report is.

mod canonical;
mod digest;
mod document;
mod signers;
mod statement;
mod strict;

pub use canonical::{NotCanonical, canonical};
pub use digest::Digest;
pub use document::{Flaw, SignedReport, SignedStatement, Unreadable, Verdict};
pub use healthbridge_keys::KeyError;
pub use signers::{NoKeySet, PublicKeys, Signers};
pub use statement::{Meaning, Refused, Signature, Statement, verify};
