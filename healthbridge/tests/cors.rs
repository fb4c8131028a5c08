//! Frontends that are served from elsewhere: a page of a listed origin reads every answer, and one of another none.

mod stack;

use reqwest::{Method, header::HeaderMap};
use stack::Stack;

const LISTED: &str = "http://localhost:5173";

/// The head of an answer to a page of this origin.
async fn asked(stack: &Stack, origin: &str, token: Option<&str>) -> (u16, HeaderMap) {
    let client = reqwest::Client::new();
    let mut request = client.post(format!("{}/graphql", stack.url(0))).header("origin", origin);
    request = request.header("content-type", "application/json").body(r#"{"query":"{ __typename }"}"#);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone())
}

/// What a browser asks before it sends a request with a token.
async fn preflight(stack: &Stack, origin: &str) -> (u16, HeaderMap) {
    let request = reqwest::Client::new().request(Method::OPTIONS, format!("{}/graphql", stack.url(0)));
    let request = request.header("origin", origin).header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "authorization, content-type");
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone())
}

fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_page_of_a_listed_origin_sees_answers_and_that_its_token_has_expired() {
    let stack = Stack::start_with(&["--allow-origin", LISTED, "--allow-origin", "https://other.test"], &[]);
    let (status, head) = preflight(&stack, LISTED).await;
    assert_eq!((status, read(&head, "access-control-allow-origin")), (204, Some(LISTED)));
    assert_eq!(read(&head, "access-control-allow-headers"), Some("authorization, content-type"));
    for (token, expected) in [(None, 200), (Some("not.a.token"), 401)] {
        let (status, head) = asked(&stack, LISTED, token).await;
        assert_eq!((status, read(&head, "access-control-allow-origin")), (expected, Some(LISTED)));
        assert!(read(&head, "vary").is_some_and(|vary| vary.contains("Origin")), "{head:?}");
        let exposed = read(&head, "access-control-expose-headers").expect("headers that it may read");
        for name in ["www-authenticate", "retry-after", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(read(&head, "x-request-id").is_some_and(|id| !id.is_empty()));
    }
    assert_eq!(
        read(&asked(&stack, "https://other.test", None).await.1, "access-control-allow-origin"),
        Some("https://other.test")
    );
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_header_at_all() {
    let stack = Stack::start_with(&["--allow-origin", LISTED], &[]);
    for origin in ["http://localhost:5174", "null", "http://localhost:5173.evil.test"] {
        for (_, head) in [
            preflight(&stack, origin).await,
            asked(&stack, origin, None).await,
            asked(&stack, origin, Some("not.a.token")).await,
        ] {
            let names: Vec<_> = head.keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
            assert!(names.is_empty(), "{origin}: {names:?}");
            let vary = read(&head, "vary").unwrap_or_default().to_lowercase();
            assert_eq!(vary.matches("origin").count(), 1, "a cache must not give it to the listed one: {vary}");
        }
    }
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    for wrong in ["http://localhost:5173/", "localhost:5173", "*", "http://localhost:80"] {
        let mut command = std::process::Command::new(stack::PROGRAM);
        let output = command.args(["up", "--data-dir", "/nowhere", "--allow-origin", wrong]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("origin"), "{wrong}: {text}");
    }
}
