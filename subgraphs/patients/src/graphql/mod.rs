//! The GraphQL face: thin types over the service.

mod accounts;
mod identity;
mod loaders;
mod matching;
mod mutation;
mod patient;
mod person;
mod query;
mod staff;
mod user;
mod version;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use healthbridge_auth::Caller;

use crate::Service;
use accounts::AccountMutation;
use identity::IdentityMutation;
use loaders::Loaders;
use mutation::PatientMutation;
use query::Query;

/// The mutations of the subgraph.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(AccountMutation, IdentityMutation, PatientMutation);

type PatientsSchema = Schema<Query, Mutation, EmptySubscription>;

/// The subgraph's SDL, which the supergraph is composed from.
pub fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query, Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(service: Arc<Service>) -> PatientsSchema {
    let builder = Schema::build(Query, Mutation::default(), EmptySubscription).data(service);
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
