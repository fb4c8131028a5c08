//! The program `healthbridge`: one binary, many roles.

pub mod cli;
mod config;
mod roles;
mod seed;
mod up;

pub use config::{Config, SUBGRAPHS, Subgraph};
