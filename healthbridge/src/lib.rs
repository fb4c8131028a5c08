//! The program `healthbridge`: one binary, many roles.
#![expect(clippy::disallowed_methods, reason = "the program is where time and settings come from")]
// The types of the server's nested middlewares are deeper than the default in an optimised build.
#![recursion_limit = "256"]

mod at_rest;
pub mod authorization;
mod bounds;
pub mod cli;
mod config;
pub mod errors;
mod import;
mod people;
pub mod portable;
mod roles;
mod seed;
mod subgraphs;
mod up;

pub use config::Config;
pub use subgraphs::{SUBGRAPHS, Subgraph};
