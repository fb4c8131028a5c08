//! The GraphQL face: thin types over the services, a file for each aggregate.

mod image;
mod patient;
mod reference;
mod upload;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use healthbridge_objectstore::ObjectStore;
use sqlx::PgPool;

use crate::service::{Images, Uploads};

/// Everything that can be read.
#[derive(Default, MergedObject)]
struct Query(image::ImageQuery, upload::UploadQuery, patient::PatientQuery);

/// Everything that can be changed.
#[derive(Default, MergedObject)]
struct Mutation(upload::UploadMutation, image::ImageMutation);

/// The subgraph's SDL, which the supergraph is composed from.
pub(crate) fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query::default(), Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(pool: &PgPool, objects: &ObjectStore) -> impl async_graphql::Executor {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .data(Arc::new(Images::new(pool.clone(), objects.clone())))
        .data(Arc::new(Uploads::new(pool.clone(), objects.clone())));
    healthbridge_graphql::finish(builder, &sdl())
}
