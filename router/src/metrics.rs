//! The router's metrics, on a listener of their own: they are for whoever runs the hospital's machines.

use std::net::SocketAddr;

use anyhow::Context;
use hive_router::ntex::web::{self, HttpResponse};
use prometheus::{Encoder, Registry, TextEncoder};

/// Serves `/metrics` until the process ends.
pub(crate) fn serve(listen: SocketAddr, registry: Registry) -> anyhow::Result<()> {
    let server = web::HttpServer::new(async move || {
        let registry = registry.clone();
        let metrics = web::get().to(move || {
            let page = page(&registry);
            async move { page }
        });
        web::App::new().route("/metrics", metrics)
    });
    let bound = server.workers(1).disable_signals().bind(listen);
    let server = bound.with_context(|| format!("cannot listen on {listen}"))?.run();
    tokio::task::spawn_local(async move { drop(server.await) });
    Ok(())
}

fn page(registry: &Registry) -> HttpResponse {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&registry.gather(), &mut text) {
        Ok(()) => HttpResponse::Ok().content_type(encoder.format_type()).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
