//! Identity through a whole running installation: rotating keys, waits by address, refusals beside the data.

mod stack;

use std::{process::Command, time::Duration};

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{PROGRAM, Stack, token};

/// The id of the key that signed a token.
fn key_of(token: &str) -> String {
    let header = token.split('.').next().expect("a header");
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).expect("base64url");
    let header: Value = serde_json::from_slice(&bytes).expect("JSON");
    header["kid"].as_str().expect("a key's id").to_owned()
}

#[tokio::test]
async fn a_rotated_key_takes_over_and_tokens_of_both_keys_are_taken_everywhere() {
    let stack = Stack::start();
    let router = stack.router();
    let old = token(&router, "admin").await;
    let file = stack.data_dir.join("keys/signing.pem");
    let mut rotate = Command::new(PROGRAM);
    rotate.args(["keys", "rotate", "--after-seconds", "4", "--key-file"]).arg(&file);
    let output = rotate.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let jwks: Value = reqwest::get(format!("{}/.well-known/jwks.json", stack.url(0)))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(2), "the next key is published before it signs");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let new = token(&router, "doctor").await;
    assert_ne!(key_of(&old), key_of(&new));
    // Hive Router asks for the keys every five seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for token in [&old, &new] {
        let chart = router
            .with_token(token)
            .data("{ patients(first: 1) { nodes { name { text } images { totalCount } } } }", Value::Null)
            .await;
        assert!(chart["patients"]["nodes"][0]["name"]["text"].is_string(), "{chart}");
        for offset in 1..=4 {
            let subgraph = Client::new(&stack.url(offset)).with_token(token);
            assert_eq!(subgraph.ask("{ __typename }", Value::Null).await.status.as_u16(), 200, "subgraph {offset}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_trusted_says_who_asks_in_the_last_line_that_it_wrote() {
    let stack = Stack::start_with(&["--trusted-proxy", "127.0.0.1"], &[]);
    let query = "mutation ($password: String!) { signIn(input: { email: \"doctor@demo.healthbridge.test\", password: $password }) {
        accessToken userErrors { message } } }";
    let (http, url) = (reqwest::Client::new(), format!("{}/graphql", stack.url(0)));
    let sign_in = async |own_word: String, address: &str, password: &str| {
        let body = json!({ "query": query, "variables": { "password": password } });
        let request =
            http.post(&url).header("x-forwarded-for", own_word).header("x-forwarded-for", address).json(&body);
        let answer = request.send().await.expect("an answer").json::<Value>().await.expect("JSON");
        answer["data"]["signIn"].clone()
    };
    let has_to_wait = async || {
        for number in 0..12 {
            let answer = sign_in(format!("198.51.100.{number}"), "203.0.113.9", "wrong").await;
            assert!(answer["accessToken"].is_null(), "{answer}");
        }
        let guesser = sign_in("198.51.100.77".to_owned(), "203.0.113.9", "healthbridge-demo").await;
        guesser["userErrors"][0]["message"].as_str().unwrap_or_default().starts_with("Too many attempts")
    };
    // On a slow machine the wait of some seconds may be over before the last one comes.
    let mut is_told = false;
    for _ in 0..5 {
        is_told = is_told || has_to_wait().await;
    }
    assert!(is_told, "what it says of itself counts for nothing");
    let owner = sign_in("203.0.113.9".to_owned(), "198.51.100.1", "healthbridge-demo").await;
    assert!(owner["accessToken"].is_string(), "{owner}");
}

#[tokio::test]
async fn the_router_says_for_whom_it_asks_and_not_what_the_client_says_of_itself() {
    let stack = Stack::start();
    let query = "mutation ($password: String!) { signIn(input: { email: \"doctor@demo.healthbridge.test\", password: $password }) {
        accessToken userErrors { message } } }";
    let http = reqwest::Client::new();
    let url = format!("{}/graphql", stack.url(0));
    let sign_in = async |address: String, password: &str| {
        let body = json!({ "query": query, "variables": { "password": password } });
        let request = http.post(&url).header("x-forwarded-for", address).json(&body);
        request.send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    for number in 0..8 {
        let answer = sign_in(format!("203.0.113.{number}"), "wrong").await;
        assert_eq!(answer["extensions"]["userErrors"], json!(1), "refusals are counted beside the data: {answer}");
    }
    let answer = sign_in("198.51.100.1".to_owned(), "healthbridge-demo").await;
    let message = answer["data"]["signIn"]["userErrors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Too many attempts"), "eight invented addresses are one client: {answer}");
    let renamed = "mutation { a: signIn(input: { email: \"\", password: \"\" }) { errors: userErrors { code } }
        b: signIn(input: { email: \"\", password: \"\" }) { ...Refused } } fragment Refused on SignInPayload { why: userErrors { code } }";
    let refused = stack.router().ask(renamed, Value::Null).await.body;
    assert_eq!(
        (&refused["data"]["a"]["errors"].as_array().map(Vec::len), &refused["extensions"]["userErrors"]),
        (&Some(1), &json!(2)),
        "{refused}"
    );
    let quiet = stack.router().ask("{ me { id } }", Value::Null).await;
    assert!(quiet.body["extensions"].is_null(), "{}", quiet.body);
}
