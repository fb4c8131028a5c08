//! The patients subgraph: users and their sign-in, patients, medical staff.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::{DateTime, Utc};
use healthbridge_auth::{RevocationFeed, Verifier};
use healthbridge_graphql::{Endpoint, Exposure, Readiness};
use healthbridge_postgres::Provision;
use sqlx::{PgPool, migrate::Migrator};

pub use graphql::sdl;
pub use service::{
    ForeignPatient, ForeignPractitioner, Identity, Imported, Importer, InvalidTotpKey, NewAccount, Passwords, Service,
    TotpKey,
};
use store::Store;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "patients";

static MIGRATOR: Migrator = sqlx::migrate!();

/// The subgraph's part of the database.
pub const PROVISION: Provision = Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &["record_version"] };

/// How often what is old is removed.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);

/// The HTTP routes of the subgraph. It alone has the signing keys, and publishes their public halves as a JWKS. Proxies in
/// the trusted networks are believed for whom they ask.
pub fn routes(pool: PgPool, identity: Identity, verifier: Verifier, exposure: Exposure) -> Router {
    let keys = identity.keys.clone();
    let service = Arc::new(Service::new(pool.clone(), identity));
    let readiness: Readiness = Arc::new(move || {
        let pool = pool.clone();
        Box::pin(async move { healthbridge_postgres::ping(&pool).await.map_err(|_| "the database".to_owned()) })
    });
    let feed = service.clone();
    let prepare = {
        let service = service.clone();
        move |request, caller: &_| graphql::prepare(request, &service, caller)
    };
    Endpoint::new(NAME, graphql::schema(service), verifier, prepare, readiness, exposure)
        .routes()
        .route("/.well-known/jwks.json", get(async move || Json(keys.jwks(Utc::now()))))
        .route("/revocations", get(revocations).with_state(feed))
}

/// Removes sessions, tokens, revocations and attempts that nobody can use any more.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(pool: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    Store::new(pool.clone()).forget_old(now).await
}

/// Calls [`forget_old`] each hour, for ever. Several replicas may do so at once.
pub async fn sweep_forever(pool: PgPool) {
    loop {
        if let Err(error) = forget_old(&pool, Utc::now()).await {
            tracing::warn!(%error, "old sessions cannot be removed; it is tried again");
        }
        tokio::time::sleep(SWEEP_PERIOD).await;
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
