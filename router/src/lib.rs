//! The router: a build of Hive Router with our plugins. It knows the subgraphs by their URLs and the supergraph alone.
//!
//! Belongs here: plugins, the front page, GraphiQL (whose sources are in `web`) and the configuration that makes it safe. Does not belong here:
//! anything about the hospital.
// The types of the server's nested middlewares are deeper than the default in an optimised build.
#![recursion_limit = "256"]

mod body;
mod cors;
mod door;
mod errors;
mod metrics;
mod pages;
mod persisted;
mod places;
mod plugin;
mod server;
mod settings;
mod user_errors;

pub use door::Door;
pub use persisted::{PUBLISHED, PersistedDocuments};
pub use server::run;
pub use settings::{Auth, Demo, DemoAccount, Settings, Subgraph};

/// The supergraph that this build was made with.
pub const SUPERGRAPH: &str = include_str!("../../schema/supergraph.graphql");

/// The schema as clients see it.
pub const API_SCHEMA: &str = include_str!("../../schema/api.graphql");
