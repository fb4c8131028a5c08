//! Who is calling: access tokens, their keys, and what ends them early.
//!
//! Belongs here: everything a part needs to verify a caller without asking another part.
//! Does not belong here: accounts, passwords and sessions (the patients subgraph owns them).

mod address;
mod foreign;
mod keyring;
mod proof;
mod revocations;
mod signing;
mod signing_keys;
mod token;

pub use address::{FORWARDED_FOR, client_address, customer_network};
pub use foreign::{ForeignError, ForeignIdentity, ForeignIssuers, ForeignSettings};
pub use keyring::{JwksError, KeyRing};
pub use proof::{NotProven, PROOF_LIFETIME, ProofClaims, Proven};
pub use revocations::{Revocation, RevocationFeed, Revocations};
pub use signing::SigningKey;
pub use signing_keys::SigningKeys;
pub use token::{ACCESS_TOKEN_LIFETIME, AUDIENCE, Claims, Subject, TokenError, Verifier, bearer};
