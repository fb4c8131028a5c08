use healthbridge_testkit::Client;
use serde_json::{Value, json};

use crate::{
    node, published,
    stack::{Stack, chart, patients, token},
};

/// What is another one each time: a URL has the time of its signature.
fn without_signatures(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("expiresAt");
            for (name, field) in fields {
                match field {
                    Value::String(url) if name == "url" => url.truncate(url.find('?').unwrap_or(url.len())),
                    field => without_signatures(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_signatures),
        _ => {}
    }
}

async fn own_id(patient: &Client) -> Value {
    let me = patient.data("{ me { profile { ... on Patient { id } } } }", Value::Null).await;
    me["me"]["profile"]["id"].clone()
}

#[tokio::test]
async fn the_chart_is_the_same_through_another_gateway_for_each_role_and_by_its_published_id() {
    let stack = Stack::start();
    let router = stack.router();
    let id = own_id(&stack.sign_in("patient").await).await;
    let foreign = patients(&stack.sign_in("doctor").await, 2).await.into_iter().find(|other| *other != id);
    let foreign = foreign.expect("another patient");
    let manifest: Value = serde_json::from_str(&published("operations/persisted-documents.json")).expect("JSON");
    let named = |(id, text): (&String, &Value)| text.as_str()?.starts_with("query PatientChart(").then(|| id.clone());
    let document_id = manifest.as_object().expect("a manifest").iter().find_map(named).expect("the chart");

    let (mut requests, mut ours) = (Vec::new(), Vec::new());
    for name in ["patient", "clerk", "radiologist", "nobody"] {
        let token = if name == "nobody" { None } else { Some(token(&router, name).await) };
        for id in [&id, &foreign] {
            let client = token.as_ref().map_or(router.clone(), |token| router.with_token(token.clone()));
            let answer = client.ask(&chart(), json!({ "id": id })).await;
            let by_id =
                client.post(json!({ "documentId": document_id, "variables": { "id": id } }).to_string()).await.1;
            let by_id: Value = serde_json::from_str(&by_id).expect("JSON");
            let mut both = [answer.body["data"].clone(), by_id["data"].clone()];
            both.iter_mut().for_each(without_signatures);
            assert_eq!(both[0], both[1], "{name}, by its id");
            requests.push(json!({ "token": token, "query": chart(), "variables": { "id": id } }));
            ours.push((name, both[0].clone()));
        }
    }
    let url = |offset| format!("{}/graphql", stack.url(offset));
    let urls = json!({ "patients": url(1), "imaging": url(2), "diagnosis": url(3), "billing": url(4) });
    let input = json!({ "supergraph": published("portable/supergraph.graphql"), "urls": urls, "requests": requests });
    let theirs: Vec<Value> = serde_json::from_str(&node("gateway.mjs", &[], &input.to_string())).expect("answers");
    assert_eq!(theirs.len(), ours.len());
    for ((name, ours), mut theirs) in ours.iter().zip(theirs) {
        without_signatures(&mut theirs["data"]);
        assert_eq!(theirs["data"], *ours, "{name}: {}", theirs["errors"]);
    }
    // It is not that nobody sees anything: each role has its part, and the anonymous and the patient of another's nothing.
    let sees = |place: usize, path: &str| !ours[place].1.pointer(path).is_none_or(Value::is_null);
    let parts = ["/patient/name", "/patient/images/nodes/0", "/patient/reports/nodes", "/patient/totalCost"];
    let seen: Vec<_> = (0..ours.len()).map(|place| parts.map(|part| sees(place, part))).collect();
    let (all, none) = ([true; 4], [false; 4]);
    let (clerk, radiologist) = ([true, false, false, true], [true, true, true, false]);
    assert_eq!(seen, [all, none, clerk, clerk, radiologist, radiologist, none, none]);
}
