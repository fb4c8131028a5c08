//! The Ed25519 keys of an installation: in files that are closed to others, one after the other, known by their public
//! halves.
//!
//! Belongs here: keys, their files, whose turn it is. Does not belong here: what is signed, and for how long it counts.

mod file;
mod key;
mod public;
mod turns;

pub use file::{KeyError, create_private, read_private};
pub use key::Key;
pub use public::{NoPublicKey, PublicKey};
pub use turns::{Dated, Superseded, Turns};
