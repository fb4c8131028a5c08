//! What tests share: a database each on a real PostgreSQL, a real S3 endpoint, tokens, and a client that speaks GraphQL.
//!
//! Belongs here: what tests of two crates need. Does not belong here: anything that a test could fake.
#![expect(clippy::disallowed_methods, reason = "a test begins now, where it is started")]

mod client;
mod database;
mod issuer;
mod lists;
mod mutations;
mod statements;
mod storage;
mod tokens;

pub use client::{Answer, Client, serve, serve_until};
pub use database::TestDatabase;
pub use issuer::TestIssuer;
pub use lists::ListQuery;
pub use mutations::Mutations;
pub use statements::{Plans, StatementCount, assert_alike};
pub use storage::{TestStorage, put};
pub use tokens::{ISSUER, Tokens, forged};
