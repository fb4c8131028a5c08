//! An append-only sequence whose every entry has a place without gaps and a hash that covers the entry before it.
//!
//! Whoever appends waits for nobody: the entry is committed without a place. A sealer takes the chain's lock for a short
//! transaction, gives the entries that wait their places and hashes in the order of their commits, and moves the head. Any
//! number of replicas may seal at once. Whoever reads [catches up](catch_up) before, and sees every entry in its place.
//!
//! [`verify`] names each difference between the entries and their seals. What a chain alone cannot tell, that its end was cut
//! off and its head set back, checkpoints tell: a [`Notary`] signs where the head is, in a file outside of the database.
//!
//! A subgraph implements [`Entry`] for what it keeps and [`Chain`] in its `store`, [seals in a job](sealing), and has all the
//! rest from here. Where the sealed entries are is its own choice. The workflow log moves them from a table where they wait
//! into the log. The ledger, whose movements are referred to from their insertion on, keeps them where they are: a commit puts
//! their ids into a queue, [`Chain::waiting`] joins the queue, and [`Chain::keep`] writes places and hashes into a table of
//! their own. An access log is a workflow log that nobody reads at once: its job alone seals it.
//!
//! Belongs here: sealing, verifying, checkpoints. Does not belong here: what any entry is, or any table.

mod checkpoint;
mod jobs;
mod link;
mod notary;
mod seal;
mod verify;

pub use checkpoint::{Checkpoint, Checkpoints, Flaw};
pub use jobs::{attesting, sealing};
pub use link::{Entry, GENESIS, Head, Link};
pub use notary::{AttestError, KeyError, Notary, public_key};
pub use seal::{Chain, catch_up, seal};
pub use verify::{Difference, VerifyError, verify};
