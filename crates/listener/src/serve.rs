use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Face, Limits,
    connection::{Activity, Watched},
    gate::{Gate, keep},
};

/// A part that listens.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name in metrics.
    pub name: &'static str,
    /// What its clients speak.
    pub face: Face,
}

/// Serves these routes until `stop`; then takes nothing new, and waits for what has begun, even where its client has gone.
pub async fn serve(listener: TcpListener, routes: Router, part: Part, limits: Limits, stop: CancellationToken) {
    let gate = Arc::new(Gate::new(part, routes, limits.clone()));
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let room = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match (accepted, room.clone().try_acquire_owned()) {
            (Ok((stream, peer)), Ok(place)) => {
                let gate = gate.clone();
                let stopping = Stopping { stop: stop.clone(), cut: cut.clone() };
                connections.spawn(connection(stream, peer, gate, part, limits.clone(), stopping, place));
            }
            (Ok(_), Err(_)) => refused(part.name, "connections"),
            (Err(error), _) => not_accepted(part.name, &error).await,
        }
    }
    drop(listener);
    connections.close();
    gate.begun.close();
    let ended = futures::future::join(connections.wait(), gate.begun.wait());
    drop(tokio::time::timeout(limits.drain_timeout(), ended).await);
    // A client that keeps its connection busy must not keep us.
    cut.cancel();
}

/// Counts what was refused before it was read. No label is a client's choice.
pub(crate) fn refused(part: &'static str, reason: &'static str) {
    metrics::counter!("healthbridge_refused_total", "part" => part, "reason" => reason).increment(1);
}

async fn not_accepted(part: &'static str, error: &io::Error) {
    let is_clients = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_clients {
        // No file descriptors are left, most likely: there are some again when others have ended.
        refused(part, "not_accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

struct Stopping {
    stop: CancellationToken,
    cut: CancellationToken,
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    gate: Arc<Gate>,
    part: Part,
    limits: Limits,
    stopping: Stopping,
    _place: OwnedSemaphorePermit,
) {
    // Answers are small: they do not wait for more to send. Where that cannot be set, it works all the same.
    drop(stream.set_nodelay(true));
    let activity = Arc::new(Activity::new(part.name, &limits));
    let io = TokioIo::new(Watched::new(stream, activity.clone(), &limits));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let under_way = activity.begin();
        let gate = gate.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            Ok::<_, Infallible>(keep(gate.pass(request).await, under_way))
        }
    });
    let builder = builder(&limits);
    let mut served = pin!(builder.serve_connection(io, service));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // How it ended is the client's affair.
            _ = served.as_mut() => return,
            () = stopping.stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
            () = stopping.cut.cancelled() => return,
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    // HTTP/1 alone: with HTTP/2 a client that opens no window keeps answers, and what they hold, for as long as it likes.
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    // Our own deadlines come first; hyper's, a little later, makes it look for the next head while it is idle.
    let latest = limits.header_timeout().max(limits.idle_timeout()) + Duration::from_secs(1);
    // Below 8 KiB hyper panics.
    let head = limits.max_header_bytes.max(8192);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(latest).max_buf_size(head);
    builder
}
