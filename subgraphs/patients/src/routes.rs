//! What is published beside the graph, for every part that verifies tokens.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::Utc;
use healthbridge_auth::{RevocationFeed, SigningKeys};
use serde::Deserialize;

use crate::service::Sessions;

/// The public halves of the signing keys as a JWKS, and the feed of revocations.
#[expect(clippy::disallowed_methods, reason = "a request begins now")]
pub(crate) fn routes(keys: Arc<SigningKeys>, sessions: Arc<Sessions>) -> Router {
    Router::new()
        .route("/.well-known/jwks.json", get(async move || Json(keys.jwks(Utc::now()))))
        .route("/revocations", get(revocations).with_state(sessions))
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// The feed of revocations, which every part polls. It names nobody.
#[expect(clippy::disallowed_methods, reason = "a request begins now")]
async fn revocations(
    State(sessions): State<Arc<Sessions>>,
    Query(page): Query<After>,
) -> Result<Json<RevocationFeed>, StatusCode> {
    sessions.revocations(page.after, Utc::now()).await.map(Json).map_err(|error| {
        tracing::error!(error = healthbridge_telemetry::causes(&error), "the revocations cannot be read");
        StatusCode::SERVICE_UNAVAILABLE
    })
}
