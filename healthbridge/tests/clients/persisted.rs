use std::fs;

use axum::{Json, Router, routing::post};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{here, node, published, schema_folder, stack::alone::Alone};

/// The manifest that graphql-codegen writes for these operations, in a folder.
fn manifest(operations: &str) -> (TempDir, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let operations = format!("{operations}/*.graphql");
    node("codegen.mjs", &[&schema_folder().join("api.graphql"), operations.as_ref(), folder.path()], "");
    let manifest = fs::read_to_string(folder.path().join("persisted-documents.json")).expect("a manifest");
    (folder, serde_json::from_str(&manifest).expect("JSON"))
}

/// A router that knows the operations of a frontend, before a patients subgraph that gives what it was asked.
async fn router(require_id: &str) -> (Alone, String) {
    let echo = async |Json(asked): Json<Value>| {
        let answer = json!({ "accessToken": asked["query"], "user": null, "userErrors": [] });
        Json(json!({ "data": { "signIn": answer } }))
    };
    let patients = healthbridge_testkit::serve(Router::new().route("/graphql", post(echo))).await + "/graphql";
    let (folder, manifest) = manifest(here().join("operations").to_str().expect("UTF-8"));
    let id = manifest.as_object().expect("a manifest").keys().next().expect("an id").clone();
    let settings = [
        ("SUBGRAPHS__PATIENTS__URL", patients.as_str()),
        ("ROUTER__PERSISTED_DOCUMENTS__MANIFESTS", folder.path().to_str().expect("UTF-8")),
        ("ROUTER__PERSISTED_DOCUMENTS__REQUIRE_ID", require_id),
        ("ROUTER__INTROSPECTION", "true"),
        ("ROUTER__GRAPHIQL", "true"),
    ];
    (Alone::start(&settings).await, id)
}

/// The code of what is refused.
async fn refused(router: &Alone, body: Value) -> String {
    let (_, answer) = router.client().post(body.to_string()).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert!(answer["data"].is_null(), "{answer}");
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

/// What the subgraph was asked.
async fn asked(router: &Alone, body: Value) -> String {
    let (_, answer) = router.client().post(body.to_string()).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["data"]["signIn"]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn status(router: &Alone, path: &str) -> StatusCode {
    reqwest::get(router.url(path)).await.expect("an answer").status()
}

#[tokio::test]
async fn where_ids_are_required_nothing_but_the_operations_of_manifests_is_run_or_even_parsed() {
    let (router, id) = router("true").await;
    let variables = json!({ "email": "a@b.test", "password": "any" });
    let known = asked(&router, json!({ "documentId": id, "variables": variables })).await;
    assert!(known.contains("signIn"), "{known}");
    // As Apollo Client sends it; what else it sends is not looked at.
    let apollo = json!({ "persistedQuery": { "version": 1, "sha256Hash": id } });
    let both = json!({ "query": "{ __schema { ", "extensions": apollo, "variables": variables });
    assert_eq!(asked(&router, both).await, known);
    let digest = id.strip_prefix("sha256:").expect("a digest");
    let apollo = json!({ "persistedQuery": { "version": 1, "sha256Hash": digest } });
    assert_eq!(asked(&router, json!({ "extensions": apollo, "variables": variables })).await, known);
    let wrong = json!({ "documentId": id, "variables": { "email": 1, "password": "any" } });
    assert_eq!(refused(&router, wrong).await, "BAD_USER_INPUT");

    let documents =
        ["{ __typename }", "{ __schema { types { name } } }", "{ not { a document", "mutation { signOut { success } }"];
    for document in documents {
        assert_eq!(
            refused(&router, json!({ "query": document })).await,
            "PERSISTED_DOCUMENT_ID_REQUIRED",
            "{document}"
        );
    }
    assert_eq!(refused(&router, json!({})).await, "PERSISTED_DOCUMENT_ID_REQUIRED");
    let unknown = json!({ "documentId": "sha256:none", "query": "{ __typename }" });
    assert_eq!(refused(&router, unknown.clone()).await, "PERSISTED_DOCUMENT_NOT_FOUND");
    let (_, answer) = router.client().post(unknown.to_string()).await;
    assert!(!answer.contains("sha256:none"), "nothing of the client's comes back: {answer}");
    let metrics = router.metrics().await;
    let counted = |line: &str| {
        line.starts_with("healthbridge_router_refused{reason=\"PERSISTED_DOCUMENT_NOT_FOUND\"") && line.ends_with("} 2")
    };
    assert!(metrics.lines().any(counted), "{metrics}");
    assert_eq!(status(&router, "/graphiql").await, StatusCode::NOT_FOUND);
    // The door stands before it.
    let nested = format!("{{\"documentId\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let (_, answer) = router.client().post(nested).await;
    assert!(answer.contains("BAD_REQUEST"), "{answer}");
}

#[tokio::test]
async fn where_ids_are_not_required_they_are_known_beside_all_other_documents() {
    let (router, id) = router("false").await;
    let variables = json!({ "email": "a@b.test", "password": "any" });
    assert!(asked(&router, json!({ "documentId": id, "variables": variables })).await.contains("signIn"));
    let typed = "mutation { signIn(input: { email: \"a\", password: \"b\" }) { accessToken } }";
    assert!(asked(&router, json!({ "query": typed })).await.contains("signIn"));
    assert_eq!(refused(&router, json!({ "documentId": "sha256:none" })).await, "PERSISTED_DOCUMENT_NOT_FOUND");
    assert_eq!(status(&router, "/graphiql").await, StatusCode::OK);
}

#[test]
fn the_published_manifest_is_the_one_that_graphql_codegen_writes() {
    let (_folder, written) = manifest(schema_folder().join("operations").to_str().expect("UTF-8"));
    let committed: Value = serde_json::from_str(&published("operations/persisted-documents.json")).expect("JSON");
    assert_eq!(committed, written, "schema/operations/persisted-documents.json is stale: run ./dev schema");
}
