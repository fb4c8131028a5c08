//! Who may do what: roles, SMART v2 scopes, and the caller who holds them. No tokens, no keys, no IO.
//!
//! Belongs here: what a rule of a service asks. Does not belong here: how a caller proves who it is (`auth`).

mod caller;
mod permission;
mod role;
mod scope;

pub use caller::{Account, Caller, Denied, Reach};
pub use permission::Permission;
pub use role::Role;
pub use scope::{PATIENTS_BOOK, Resource, Right, granted, is_system_scope, scopes_of};
