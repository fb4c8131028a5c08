//! The GraphQL face: thin types over the service.

mod loaders;
mod mutation;
mod query;
mod reference;
mod report;
mod workflow_log;

use std::sync::Arc;

use async_graphql::{EmptySubscription, Schema};
use healthbridge_auth::Caller;

use crate::Service;
use loaders::Loaders;
use mutation::Mutation;
use query::Query;

type DiagnosisSchema = Schema<Query, Mutation, EmptySubscription>;

/// The subgraph's SDL, which the supergraph is composed from.
pub fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query, Mutation, EmptySubscription))
}

pub(crate) fn schema(service: Arc<Service>) -> DiagnosisSchema {
    let builder = Schema::build(Query, Mutation, EmptySubscription).data(service);
    healthbridge_graphql::finish(builder, &sdl())
}

/// Puts the loaders of a request beside it.
pub(crate) fn prepare(
    request: async_graphql::Request,
    service: &Arc<Service>,
    caller: &Caller,
) -> async_graphql::Request {
    request.data(Loaders::new(service, caller))
}
