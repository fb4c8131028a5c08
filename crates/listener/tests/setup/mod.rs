#![allow(dead_code, reason = "what is used differs by test file")]

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use healthbridge_listener::{Face, Limits, Part, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Long after each deadline of these tests, on a machine that is busy with others, and long before the library's own.
pub const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// Routes behind a listener.
pub struct Listening {
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
    _stops: DropGuard,
}

impl Listening {
    pub async fn start(routes: Router, face: Face, limits: Limits) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, routes, Part { name: "test", face }, limits, stop.clone()));
        Self { address, served, _stops: stop.clone().drop_guard(), stop }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A connection that has said this.
pub async fn connect(listening: &Listening, says: &str) -> TcpStream {
    let mut stream = TcpStream::connect(listening.address).await.expect("a connection");
    stream.write_all(says.as_bytes()).await.expect("sent");
    stream
}

/// What comes until the other side closes.
pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end, too.
    let read = tokio::time::timeout(ENDS_WITHIN, stream.read_to_end(&mut answer)).await;
    drop(read.expect("the connection ends"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a byte every few milliseconds until the other side closes; gives what it said.
pub async fn drip_until_it_ends(stream: TcpStream) -> String {
    let (mut reads, mut writes) = stream.into_split();
    let dripping = tokio::spawn(async move {
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(ENDS_WITHIN, reads.read_to_end(&mut answer)).await;
    dripping.abort();
    drop(read.expect("the connection ends"));
    String::from_utf8_lossy(&answer).into_owned()
}
