//! The same mistake gets the same refusal, whoever finds it: the router, a subgraph, or graphql-js, the reference, whose words
//! are in `graphql-js.json`. Where they differ, it is listed with the reason.

mod differences;
#[path = "../stack/mod.rs"]
mod stack;

use std::collections::{BTreeMap, BTreeSet};

use differences::{BETWEEN, FROM_REFERENCE};
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stack::Stack;

const DOCUMENTS: &str = include_str!("documents.graphql");
const REFERENCE: &str = include_str!("graphql-js.json");

/// A document with what is sent beside it.
struct Document {
    name: &'static str,
    body: Value,
}

fn documents() -> Vec<Document> {
    let read = |part: &'static str| {
        let (name, mut text) = part.split_once('\n').expect("a name");
        let mut body = json!({});
        while let Some((line, rest)) = text.split_once('\n').filter(|(line, _)| line.starts_with(['#'])) {
            match line.split_at_checked(3) {
                Some(("#v ", variables)) => body["variables"] = serde_json::from_str(variables).expect("variables"),
                Some(("#o ", name)) => body["operationName"] = json!(name),
                _ => break,
            }
            text = rest;
        }
        body["query"] = json!(text.strip_suffix('\n').unwrap_or(text));
        Document { name, body }
    };
    DOCUMENTS.split("\n#- ").skip(1).map(read).collect()
}

/// The code of a refusal and the first place of its first error; nothing where the document runs.
type Verdict = (Option<String>, Option<(u64, u64)>);

fn place(location: &Value) -> Option<(u64, u64)> {
    Some((location[0].as_u64()?, location[1].as_u64()?))
}

fn reference() -> BTreeMap<String, Verdict> {
    let read: Value = serde_json::from_str(REFERENCE).expect("JSON");
    let digest = hex::encode(Sha256::digest(DOCUMENTS));
    assert_eq!(read["digest"], json!(digest), "graphql-js.json is stale: run ./dev schema");
    let verdict = |judged: &Value| (judged["code"].as_str().map(str::to_owned), place(&judged["places"][0][0]));
    let documents = read["documents"].as_object().expect("documents");
    documents.iter().map(|(name, judged)| (name.clone(), verdict(judged))).collect()
}

async fn verdict(client: &Client, document: &Document) -> Verdict {
    let (_, text) = client.post(document.body.to_string()).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    if answer.get("data").is_some() {
        return (None, None);
    }
    let error = &answer["errors"][0];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}: {text}", document.name);
    assert!(error["path"].is_null() && error["extensions"]["requestId"].is_string(), "{}: {text}", document.name);
    let code = error["extensions"]["code"].as_str().expect("a code").to_owned();
    let location = &error["locations"][0];
    (Some(code), place(&json!([location["line"], location["column"]])))
}

#[tokio::test]
async fn a_mistake_is_refused_alike_by_the_router_by_a_subgraph_and_by_the_reference() {
    let stack = Stack::start();
    let (router, subgraph) = (stack.router(), Client::new(&stack.url(1)));
    let reference = reference();
    let documents = documents();
    assert!(documents.len() >= 130, "{} documents", documents.len());
    let (mut unlike_reference, mut unlike_each_other) = (BTreeSet::new(), BTreeSet::new());
    for document in &documents {
        let expected = &reference[document.name];
        let (by_router, by_subgraph) = (verdict(&router, document).await, verdict(&subgraph, document).await);
        if by_router != by_subgraph {
            eprintln!("{}: {by_router:?} by the router, {by_subgraph:?} by the subgraph", document.name);
            unlike_each_other.insert(document.name);
        }
        if by_router != *expected {
            eprintln!("{}: {by_router:?} instead of {expected:?}", document.name);
            unlike_reference.insert(document.name);
        }
    }
    for (found, listed) in [(unlike_reference, FROM_REFERENCE), (unlike_each_other, BETWEEN)] {
        let listed: BTreeSet<_> = listed.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        let new: Vec<_> = found.difference(&listed).collect();
        assert!(new.is_empty(), "differences that nobody has given a reason for: {new:#?}");
        let gone: Vec<_> = listed.difference(&found).collect();
        assert!(gone.is_empty(), "these no longer differ, take them from the list: {gone:#?}");
    }
}
