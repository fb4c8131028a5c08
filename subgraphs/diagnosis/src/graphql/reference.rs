//! Objects of other subgraphs, as far as this one knows them.

use async_graphql::{ID, SimpleObject};

/// An account that somebody, or a machine, signs in with.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct MedicalImage {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}
