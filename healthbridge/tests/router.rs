//! The router before subgraphs that misbehave, and before clients that do.

mod stack;

use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};
use stack::alone::Alone;

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
