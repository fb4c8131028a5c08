//! The GraphQL face: thin types over the service.

mod billing;
mod export;
mod invoice;
mod ledger;
mod loaders;
mod mutation;
mod query;
mod reference;
mod scalar;
mod service_item;
mod statistics;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use healthbridge_auth::Caller;

use crate::Service;
use export::ExportMutation;
use invoice::InvoiceMutation;
use loaders::Loaders;
use mutation::BillingMutation;
use query::Query;
use service_item::PriceListMutation;

/// The mutations of the subgraph.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(BillingMutation, InvoiceMutation, PriceListMutation, ExportMutation);

type BillingSchema = Schema<Query, Mutation, EmptySubscription>;

/// The subgraph's SDL, which the supergraph is composed from.
pub fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query, Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(service: Arc<Service>) -> BillingSchema {
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
