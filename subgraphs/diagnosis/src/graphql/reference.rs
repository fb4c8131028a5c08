//! Objects of other subgraphs, as far as this one knows them.

use async_graphql::{ID, SimpleObject};

/// An account that somebody, or a machine, signs in with.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}
