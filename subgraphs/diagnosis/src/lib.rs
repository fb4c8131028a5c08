//! The diagnosis subgraph: reports and the workflow log.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::sync::Arc;

use axum::Router;
use healthbridge_auth::Verifier;
use healthbridge_graphql::{Endpoint, Exposure, Readiness};
use healthbridge_postgres::Provision;
use sqlx::{PgPool, migrate::Migrator};

pub use graphql::sdl;
pub use service::Service;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "diagnosis";

static MIGRATOR: Migrator = sqlx::migrate!();

/// The subgraph's part of the database.
pub const PROVISION: Provision = Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &["workflow_log"] };

/// The HTTP routes of the subgraph.
pub fn routes(pool: PgPool, verifier: Verifier, exposure: Exposure) -> Router {
    let service = Arc::new(Service::new(pool.clone()));
    let readiness: Readiness = Arc::new(move || {
        let pool = pool.clone();
        Box::pin(async move { healthbridge_postgres::ping(&pool).await.map_err(|_| "the database".to_owned()) })
    });
    let prepare = {
        let service = service.clone();
        move |request, caller: &_| graphql::prepare(request, &service, caller)
    };
    let schema = graphql::schema(service);
    Endpoint::new(NAME, schema, verifier, prepare, readiness, exposure).routes()
}
