//! PostgreSQL: the embedded server, pools, migrations and idempotency keys.
//!
//! Belongs here: what every subgraph needs of a database. Does not belong here: any table of the hospital.

mod batches;
mod binaries;
pub mod copy;
mod database;
mod decode;
mod embedded;
pub mod idempotency;
mod log;
mod parts;

pub use batches::{BATCH, in_batches};
pub use binaries::{Binaries, MissingPostgres};
pub use database::{
    Provision, connect_options, grant_to_role, is_starting, migrate, ping, pool, reach, search_pool, unhurried,
};
pub use decode::{known, sought};
pub use embedded::{Embedded, EmbeddedError, server_group};
