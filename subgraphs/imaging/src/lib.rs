//! The imaging subgraph: uploads and medical images. Their bytes go between the client and the object storage.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::{sync::Arc, time::Duration};

use axum::Router;
use chrono::Utc;
use healthbridge_auth::Verifier;
use healthbridge_graphql::{Endpoint, Readiness};
use healthbridge_objectstore::ObjectStore;
use healthbridge_postgres::Provision;
use sqlx::{PgPool, migrate::Migrator};

pub use graphql::sdl;
pub use service::Service;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "imaging";

static MIGRATOR: Migrator = sqlx::migrate!();

/// The subgraph's part of the database.
pub const PROVISION: Provision = Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &[] };

/// How often abandoned uploads and deleted images are cleaned up.
const SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// How many of these periods pass until the bucket is compared with the rows again.
const ORPHANS_EACH: u64 = 60;

/// The HTTP routes of the subgraph.
pub fn routes(pool: PgPool, objects: ObjectStore, verifier: Verifier, introspection: bool) -> Router {
    let service = Arc::new(Service::new(pool.clone(), objects.clone()));
    let readiness: Readiness = Arc::new(move || {
        let (pool, objects) = (pool.clone(), objects.clone());
        Box::pin(async move {
            healthbridge_postgres::ping(&pool).await.map_err(|_| "the database".to_owned())?;
            objects.ping().await.map_err(|_| "the object storage".to_owned())
        })
    });
    let prepare = {
        let service = service.clone();
        move |request, caller: &_| graphql::prepare(request, &service, caller)
    };
    let schema = graphql::schema(service);
    Endpoint::new(NAME, schema, verifier, prepare, readiness).introspection(introspection).routes()
}

/// Removes the bytes of abandoned uploads and of deleted images whose time has come, and objects that are nobody's, for ever. Several replicas may do
/// so at once.
pub async fn sweep_forever(pool: PgPool, objects: ObjectStore) {
    let service = Service::new(pool, objects);
    for round in 0_u64.. {
        if let Err(error) = service.sweep(Utc::now()).await {
            tracing::warn!(%error, "cleaning up the storage failed; it is tried again");
        }
        if round.is_multiple_of(ORPHANS_EACH)
            && let Err(error) = service.sweep_orphans(Utc::now()).await
        {
            tracing::warn!(%error, "looking for objects that nobody has failed; it is tried again");
        }
        tokio::time::sleep(SWEEP_PERIOD).await;
    }
}
