//! Who is calling and what they may do: roles, SMART v2 scopes, access tokens and their keys.
//!
//! Belongs here: everything a part needs to verify a caller without asking another part.
//! Does not belong here: accounts, passwords and sessions (the patients subgraph owns them).

mod caller;
mod keyring;
mod revocations;
mod role;
mod scope;
mod signing;
mod token;

pub use caller::{Account, Caller, Denied, Reach};
pub use keyring::{JwksError, KeyRing};
pub use revocations::{Revocation, RevocationFeed, Revocations};
pub use role::{Role, UnknownRole};
pub use scope::{Resource, Right, scopes_of};
pub use signing::{SigningKey, SigningKeyError};
pub use token::{ACCESS_TOKEN_LIFETIME, AUDIENCE, Claims, Subject, TokenError, Verifier, bearer};
