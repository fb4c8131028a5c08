//! The router before subgraphs that misbehave, and before clients that do.

mod stack;

use std::time::{Duration, Instant};

use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};
use stack::alone::Alone;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

/// Long after each deadline of these tests, on a machine that is busy with others.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

const SIGN_IN: &str = r#"mutation { signIn(input: { email: "a@b.test", password: "any" }) { accessToken } }"#;

/// A patients subgraph that answers everything so; gives its URL.
async fn subgraph(status: StatusCode, answer: Value) -> String {
    let answers = move || {
        let answer = answer.clone();
        async move { (status, Json(answer)) }
    };
    healthbridge_testkit::serve(Router::new().route("/graphql", post(answers))).await + "/graphql"
}

#[tokio::test]
async fn a_subgraph_that_has_no_room_and_says_so_by_its_status_alone_makes_the_whole_answer_503() {
    // As a proxy before it would.
    let url = subgraph(StatusCode::SERVICE_UNAVAILABLE, json!({ "errors": [{ "message": "busy" }] })).await;
    let router = Alone::start(&[("SUBGRAPHS__PATIENTS__URL", &url)]).await;
    let answer = router.client().send(SIGN_IN, Value::Null).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers().get("retry-after").expect("when to come again"), "1");
    let text = answer.text().await.expect("text");
    assert!(text.contains(r#""code":"OVERLOADED""#), "{text}");
}

/// A request whose body lacks its last bytes: of 64 KiB, announced or in pieces.
fn unfinished(is_announced: bool) -> Vec<u8> {
    let kind = "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let (length, begin) =
        if is_announced { ("content-length: 65536", "") } else { ("transfer-encoding: chunked", "ffff\r\n") };
    format!("{kind}{length}\r\n\r\n{begin}{}", " ".repeat(65_535)).into_bytes()
}

#[tokio::test]
async fn bodies_that_arrive_at_the_router_have_room_together_and_who_finds_none_is_told_to_come_again() {
    let settings = [("LIMITS__MAX_BODY_BYTES", "65536"), ("LIMITS__BODY_TIMEOUT_MS", "120000")];
    let router = Alone::start(&settings).await;
    let (client, deadline) = (router.client(), Instant::now() + ENDS_WITHIN);
    let mut held = Vec::new();
    let refused = loop {
        // They arrive when they do, and one that came beside a question may have found no room itself.
        let mut stream = TcpStream::connect(&router.address).await.expect("a connection");
        stream.write_all(&unfinished(held.len() % 2 == 0)).await.expect("sent");
        held.push(stream);
        if held.len() < 32 {
            continue;
        }
        let answer = client.send("{ __typename }", Value::Null).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        assert!(Instant::now() < deadline, "{} bodies have room", held.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers().get("retry-after").expect("when to come again"), "1");
    assert!(refused.text().await.expect("text").contains(r#""code":"OVERLOADED""#));
    drop(held);
    while client.send("{ __typename }", Value::Null).await.status() != StatusCode::OK {
        assert!(Instant::now() < deadline, "the room is not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_body_that_would_grow_in_the_router_is_not_taken() {
    let router = Alone::start(&[]).await;
    let request = reqwest::Client::new().post(router.url("/graphql")).header("content-type", "application/json");
    let answer = request.header("content-encoding", "gzip").body("any").send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 415);
}

#[tokio::test]
async fn an_answer_of_the_router_that_its_client_does_not_read_is_given_up() {
    let router = Alone::start(&[("LIMITS__STALL_TIMEOUT_MS", "500"), ("ROUTER__INTROSPECTION", "true")]).await;
    let stream = TcpSocket::new_v4().expect("a socket");
    // The less the client's side takes, the sooner the router has to wait for it.
    stream.set_recv_buffer_size(1024).expect("set");
    let mut stream = stream.connect(router.address.parse().expect("an address")).await.expect("a connection");
    let body =
        json!({ "query": "{ __schema { types { name description fields { name description } } } }" }).to_string();
    let head = "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    // Asks until no more goes in, as the router waits for its answers to be read, and then until it has closed.
    let asking = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(ENDS_WITHIN, asking).await.expect("the connection is closed");
}

#[tokio::test]
async fn nothing_is_served_below_the_endpoint_nor_beside_the_pages() {
    let router = Alone::start(&[]).await;
    let client = reqwest::Client::new();
    for path in ["/graphql/", "/graphql/anything", "/graphq%6C/anything", "/graphqlx", "/health", "/readiness", "/any"]
    {
        let request = client.post(router.url(path)).header("content-type", "application/json");
        let answer = request.body(r#"{"query":"{__typename}"}"#).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 404, "POST {path}");
        let answer =
            client.get(router.url(path)).header("x-requested-with", "a test").query(&[("query", "{__typename}")]);
        assert_eq!(answer.send().await.expect("an answer").status().as_u16(), 404, "GET {path}");
    }
    assert_eq!(client.get(router.url("/healthz")).send().await.expect("an answer").status().as_u16(), 200);
}

#[tokio::test]
async fn a_router_that_is_killed_leaves_no_file_behind() {
    let folder = stack::folder();
    let mut router = Alone::start_in(folder.path(), &[]).await;
    stack::kill(router.id(), "KILL");
    router.ended();
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}
