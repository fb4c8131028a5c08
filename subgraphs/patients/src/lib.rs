//! The patients subgraph: users and their sign-in, patients, medical staff.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::Utc;
use healthbridge_auth::{RevocationFeed, SigningKey, Verifier};
use healthbridge_graphql::{Endpoint, Readiness};
use healthbridge_postgres::Provision;
use sqlx::{PgPool, migrate::Migrator};

pub use graphql::sdl;
pub use service::{NewAccount, Passwords, Service};

/// The subgraph's name in the supergraph.
pub const NAME: &str = "patients";

static MIGRATOR: Migrator = sqlx::migrate!();

/// The subgraph's part of the database.
pub const PROVISION: Provision = Provision { schema: NAME, migrator: &MIGRATOR };

/// The HTTP routes of the subgraph. It alone has the signing key, and publishes its public half as a JWKS.
pub fn routes(pool: PgPool, key: Arc<SigningKey>, issuer: &str, verifier: Verifier, introspection: bool) -> Router {
    let jwks = key.jwks();
    let service = Arc::new(Service::new(pool.clone(), key, issuer));
    let readiness: Readiness = Arc::new(move || {
        let pool = pool.clone();
        Box::pin(async move { healthbridge_postgres::ping(&pool).await.map_err(|_| "the database".to_owned()) })
    });
    tokio::spawn(forget_old_forever(Arc::downgrade(&service)));
    let feed = service.clone();
    let prepare = {
        let service = service.clone();
        move |request, caller: &_| graphql::prepare(request, &service, caller)
    };
    Endpoint::new(NAME, graphql::schema(service), verifier, prepare, readiness)
        .introspection(introspection)
        .routes()
        .route("/.well-known/jwks.json", get(async move || Json(jwks)))
        .route("/revocations", get(revocations).with_state(feed))
}

/// Cleans up each hour, as long as the service is there.
async fn forget_old_forever(service: Weak<Service>) {
    while let Some(service) = service.upgrade() {
        if let Err(error) = service.forget_old(Utc::now()).await {
            tracing::warn!(%error, "old sessions cannot be removed; it is tried again");
        }
        drop(service);
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

#[derive(serde::Deserialize)]
struct After {
    after: i64,
}

/// The feed of revocations, which every part polls. It names nobody.
async fn revocations(
    State(service): State<Arc<Service>>,
    Query(page): Query<After>,
) -> Result<Json<RevocationFeed>, StatusCode> {
    service.revocations(page.after, Utc::now()).await.map(Json).map_err(|error| {
        tracing::error!(%error, "the revocations cannot be read");
        StatusCode::SERVICE_UNAVAILABLE
    })
}
