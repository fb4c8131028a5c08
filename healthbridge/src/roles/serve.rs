use std::net::SocketAddr;

use anyhow::Context;
use axum::{Router, routing::get};
use healthbridge_listener::{Face, Limits, Part, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Listens on an address, or says what to do.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}: is another program there? Choose other ports"))
}

/// Serves the metrics of this process, on a listener of their own: what they say is for operators alone.
pub(crate) async fn serve_metrics(listener: TcpListener, stop: CancellationToken) {
    let routes = Router::new()
        .route("/metrics", get(async || healthbridge_telemetry::render_metrics()))
        .route("/healthz", get(async || r#"{"status":"ok"}"#));
    let limits = Limits { connections: 16, requests: 2, queue: 8, ..Limits::default() };
    serve(listener, routes, Part { name: "metrics", face: Face::Graphql }, limits, stop).await;
}

/// A token that Ctrl-C or SIGTERM cancels.
pub(crate) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        stop_signal().await;
        stopped.cancel();
    });
    stop
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
