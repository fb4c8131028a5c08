//! Objects of other subgraphs, as far as this one knows them.

use async_graphql::{ID, SimpleObject};

/// An account; the patients subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// Our id, a UUIDv7.
    pub id: ID,
}
