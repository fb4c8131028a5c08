//! More requests than can run, and clients that go.

mod setup;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    routing::{get, post},
};
use healthbridge_listener::{Face, Limits};
use setup::{ENDS_WITHIN, Listening, connect, read_to_end};
use tokio::sync::{Semaphore, mpsc};

/// A handler that waits until the test lets it go on.
#[derive(Clone)]
struct Held {
    begun: mpsc::UnboundedSender<()>,
    go_on: Arc<Semaphore>,
    ended: Arc<AtomicUsize>,
}

fn held() -> (Held, mpsc::UnboundedReceiver<()>) {
    let (begun, seen) = mpsc::unbounded_channel();
    (Held { begun, go_on: Arc::new(Semaphore::new(0)), ended: Arc::default() }, seen)
}

async fn work(State(held): State<Held>) -> &'static str {
    held.begun.send(()).expect("the test looks");
    held.go_on.acquire().await.expect("open").forget();
    held.ended.fetch_add(1, Ordering::SeqCst);
    "done"
}

fn routes(held: &Held) -> Router {
    let routes = Router::new().route("/graphql", post(work)).with_state(held.clone());
    routes.route("/healthz", get(async || "well")).route("/revocations", get(async || "none"))
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(ENDS_WITHIN, future).await.expect("it comes in time")
}

#[tokio::test]
async fn what_can_neither_run_nor_wait_is_refused_at_once_and_health_is_quick() {
    let (held, mut begun) = held();
    let limits = Limits { requests: 4, queue: 4, queue_timeout_ms: 60_000, ..Limits::default() };
    let listening = Listening::start(routes(&held), Face::Graphql, limits).await;
    let client = reqwest::Client::new();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..80 {
        let request = client.post(listening.url("/graphql")).body("{}");
        asked.spawn(async move { request.send().await.expect("an answer") });
    }
    // Nothing that runs or waits can end yet: these are the others.
    for _ in 0..72 {
        let refused = within(asked.join_next()).await.expect("an answer").expect("no panic");
        assert_eq!(
            (refused.status(), &refused.headers()[RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().expect("a value"))
        );
        assert!(refused.text().await.expect("text").contains(r#""code":"OVERLOADED""#));
    }
    for path in ["/healthz", "/revocations"] {
        let answer = within(client.get(listening.url(path)).send()).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    for _ in 0..4 {
        within(begun.recv()).await;
    }
    assert!(begun.try_recv().is_err(), "only four run at once");
    held.go_on.add_permits(8);
    for _ in 0..8 {
        let accepted = within(asked.join_next()).await.expect("an answer").expect("no panic");
        assert_eq!(accepted.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_request_that_waits_too_long_for_its_turn_is_refused() {
    let (held, mut begun) = held();
    let limits = Limits { requests: 1, queue: 4, queue_timeout_ms: 100, ..Limits::default() };
    let listening = Listening::start(routes(&held), Face::Objects, limits).await;
    let first = tokio::spawn(reqwest::Client::new().post(listening.url("/graphql")).send());
    within(begun.recv()).await;
    let second = within(reqwest::Client::new().post(listening.url("/graphql")).send()).await.expect("an answer");
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.text().await.expect("text").contains("<Code>SlowDown</Code>"), "the storage speaks S3");
    held.go_on.add_permits(1);
    assert_eq!(within(first).await.expect("no panic").expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn bodies_that_drip_take_no_turn_from_others() {
    let (held, _begun) = held();
    held.go_on.add_permits(1);
    let limits = Limits { requests: 1, queue: 0, ..Limits::default() };
    let listening = Listening::start(routes(&held), Face::Graphql, limits).await;
    let mut dripping = Vec::new();
    for _ in 0..8 {
        let head = "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n{";
        dripping.push(connect(&listening, head).await);
    }
    let answer = within(reqwest::Client::new().post(listening.url("/graphql")).send()).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_has_begun_runs_to_its_end_when_its_client_goes_and_a_stop_waits_for_it() {
    for face in [Face::Graphql, Face::Objects] {
        let (held, mut begun) = held();
        let listening = Listening::start(routes(&held), face, Limits::default()).await;
        let client = connect(&listening, "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}").await;
        within(begun.recv()).await;
        drop(client);
        // A second client that leaves its connection open shows when the first one's end was seen.
        let mut other = connect(&listening, "GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        within(read_to_end(&mut other)).await;
        listening.stop.cancel();
        held.go_on.add_permits(1);
        within(listening.served).await.expect("no panic");
        assert_eq!(held.ended.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    let (held, mut begun) = held();
    let limits = Limits { drain_timeout_ms: 200, ..Limits::default() };
    let listening = Listening::start(routes(&held), Face::Graphql, limits).await;
    let client = tokio::spawn(reqwest::Client::new().post(listening.url("/graphql")).send());
    within(begun.recv()).await;
    listening.stop.cancel();
    within(listening.served).await.expect("no panic");
    assert!(within(client).await.expect("no panic").is_err(), "the connection is cut");
}

#[tokio::test]
async fn a_handler_that_panics_is_a_fault_of_its_own_request() {
    let panics = Router::new().route("/graphql", post(async || -> &'static str { panic!("on purpose") }));
    let limits = Limits { requests: 1, queue: 0, ..Limits::default() };
    let listening = Listening::start(panics, Face::Graphql, limits).await;
    for _ in 0..3 {
        let asked = reqwest::Client::new().post(listening.url("/graphql")).timeout(Duration::from_secs(15)).send();
        let answer = asked.await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.text().await.expect("text").contains("INTERNAL_SERVER_ERROR"));
    }
}
