//! The GraphQL face: thin types over the services, a file for each aggregate.

mod patient;
mod person;
mod secret;
mod session;
mod staff;
mod user;
mod version;

use std::net::IpAddr;

use async_graphql::{Context, EmptySubscription, MergedObject, Schema};
use healthbridge_graphql::ClientAddress;

use crate::service::Services;

/// Everything that can be read.
#[derive(Default, MergedObject)]
struct Query(patient::PatientQuery, staff::StaffQuery, user::UserQuery);

/// Everything that can be changed.
#[derive(Default, MergedObject)]
struct Mutation(
    patient::PatientMutation,
    staff::StaffMutation,
    user::UserMutation,
    session::SessionMutation,
    secret::SecretMutation,
);

/// The subgraph's SDL, which the supergraph is composed from.
pub(crate) fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query::default(), Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(services: Services) -> impl async_graphql::Executor {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .data(services.patients)
        .data(services.staff)
        .data(services.accounts)
        .data(services.sessions)
        .data(services.secrets)
        .data(services.record_versions);
    healthbridge_graphql::finish(builder, &sdl())
}

/// Where the request comes from.
fn address(ctx: &Context<'_>) -> Option<IpAddr> {
    ctx.data_opt::<ClientAddress>().and_then(|ClientAddress(address)| *address)
}

/// A list as the services take it, or as the graph gives it.
fn each<T, U: From<T>>(list: impl IntoIterator<Item = T>) -> Vec<U> {
    list.into_iter().map(U::from).collect()
}
