//! Clients that are slow on purpose, over real connections.

mod setup;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, routing::get};
use healthbridge_listener::{Face, Limits};
use setup::{ENDS_WITHIN, Listening, connect, drip_until_it_ends, read_to_end};
use tokio::{io::AsyncWriteExt, sync::Notify};

/// Short deadlines, each alone: the others are long enough to be seen when they end a connection instead.
fn long() -> Limits {
    Limits {
        header_timeout_ms: 60_000,
        idle_timeout_ms: 60_000,
        body_timeout_ms: 60_000,
        stall_timeout_ms: 60_000,
        min_bytes_per_second: 0,
        ..Limits::default()
    }
}

fn echo() -> Router {
    Router::new().fallback(async |body: String| body)
}

#[tokio::test]
async fn a_head_that_drips_ends_within_its_deadline() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { header_timeout_ms: 300, ..long() }).await;
    let stream = connect(&listening, "POST /graphql HTTP/1.1\r\nhost: test\r\nx-drip: ").await;
    let begun = Instant::now();
    drip_until_it_ends(stream).await;
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_half_of_a_preface_ends() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { header_timeout_ms: 300, ..long() }).await;
    for said in ["", "PRI * HTTP/2", "G", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = connect(&listening, said).await;
        let begun = Instant::now();
        read_to_end(&mut stream).await;
        assert!(begun.elapsed() < ENDS_WITHIN, "{said:?} took {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_second_head_that_drips_ends_as_the_first_would() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { header_timeout_ms: 300, ..long() }).await;
    let first = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    let stream = connect(&listening, &format!("{first}GET / HTTP/1.1\r\nx-drip: ")).await;
    let begun = Instant::now();
    drip_until_it_ends(stream).await;
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_connection_between_two_requests_lives_longer_than_a_head_may_take_and_ends_when_idle() {
    let limits = Limits { header_timeout_ms: 100, idle_timeout_ms: 1500, ..long() };
    let listening = Listening::start(echo(), Face::Graphql, limits).await;
    let mut stream = connect(&listening, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.expect("still open");
    let begun = Instant::now();
    let answers = read_to_end(&mut stream).await;
    assert_eq!(answers.matches("200 OK").count(), 2, "{answers}");
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_json_body_that_drips_is_answered_408() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { body_timeout_ms: 300, ..long() }).await;
    let stream = connect(&listening, "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n{").await;
    let begun = Instant::now();
    let answer = drip_until_it_ends(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_json_body_that_is_too_large_is_answered_413() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { max_body_bytes: 1000, ..long() }).await;
    let url = listening.url("/graphql");
    let answer = reqwest::Client::new().post(&url).body("x".repeat(1001)).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let answer = reqwest::Client::new().post(&url).body("x".repeat(1000)).send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("text").len(), 1000);
}

#[tokio::test]
async fn an_object_that_stands_still_ends_its_request() {
    let listening = Listening::start(echo(), Face::Objects, Limits { stall_timeout_ms: 300, ..long() }).await;
    let mut stream = connect(&listening, "PUT /object HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\nx").await;
    let begun = Instant::now();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "the handler is told that the body broke off: {answer}");
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn an_object_that_drips_ends_its_request() {
    let limits = Limits { stall_timeout_ms: 500, min_bytes_per_second: 100_000, ..long() };
    let listening = Listening::start(echo(), Face::Objects, limits).await;
    let stream = connect(&listening, "PUT /object HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\nx").await;
    let begun = Instant::now();
    let answer = drip_until_it_ends(stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "the handler is told that the body broke off: {answer}");
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
}

/// Says when it is dropped.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    for face in [Face::Graphql, Face::Objects] {
        let given_up = Arc::new(Notify::new());
        let told = given_up.clone();
        let endless = move || {
            let told = Told(told.clone());
            async move {
                Body::from_stream(futures::stream::repeat_with(move || {
                    // As long as the stream is there, so is this.
                    let _ = &told;
                    Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024])
                }))
            }
        };
        let routes = Router::new().route("/endless", get(endless));
        let listening = Listening::start(routes, face, Limits { stall_timeout_ms: 300, ..long() }).await;
        let _stream = connect(&listening, "GET /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
        tokio::time::timeout(ENDS_WITHIN, given_up.notified()).await.expect("the answer is given up");
    }
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_those_before_it_are_served() {
    let listening = Listening::start(echo(), Face::Graphql, Limits { connections: 2, ..long() }).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: test\r\n";
    let (mut first, mut second) = (connect(&listening, request).await, connect(&listening, request).await);
    let mut third = connect(&listening, request).await;
    assert_eq!(read_to_end(&mut third).await, "");
    for stream in [&mut first, &mut second] {
        stream.write_all(b"connection: close\r\n\r\n").await.expect("open");
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
