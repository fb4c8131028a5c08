//! What is published beside the graph, for everybody who verifies a signature on a report.

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use healthbridge_signature::Signers;

/// The public halves of the keys that sign reports, of all that ever did, as a JWKS.
pub(crate) fn routes(signers: Arc<Signers>) -> Router {
    Router::new().route("/.well-known/report-signing-jwks.json", get(async move || Json(signers.jwks())))
}
