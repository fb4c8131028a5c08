//! Reports that are released when everything is killed between any two of the statements.

mod stack;

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, patients};
use uuid::Uuid;

/// The places between the statements, as the program names them.
const PLACES: [&str; 7] =
    ["key claimed", "locked", "report written", "version written", "signature written", "written", "committed"];

const SEEN: &str = "query ($id: ID!) { report(id: $id) { status version currentVersion
    versions { nodes { number } } signatures { version valid } } }";

async fn change(client: &Client, operation: &str, selection: &str, input: Value) -> Value {
    let name = format!("{}{}", operation[..1].to_uppercase(), &operation[1..]);
    let query = format!(
        "mutation ($input: {name}Input!) {{ {operation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    );
    let data = client.data(&query, json!({ "input": input })).await;
    assert_eq!(data[operation]["userErrors"], json!([]), "{operation}");
    data[operation].clone()
}

/// What there is of a report before it was released, or afterwards.
fn expected(is_released: bool) -> Value {
    let (status, version) = if is_released { ("FINAL", 2) } else { ("PRELIMINARY", 1) };
    let (versions, signatures) = if is_released {
        (json!([{ "number": 1 }]), json!([{ "version": 1, "valid": true }]))
    } else {
        (json!([]), json!([]))
    };
    json!({ "status": status, "version": version, "currentVersion": i32::from(is_released),
        "versions": { "nodes": versions }, "signatures": signatures })
}

async fn proof(client: &Client) -> Value {
    let query =
        "mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) { reauthToken userErrors { code } } }";
    let input = json!({ "input": { "password": stack::PASSWORD } });
    client.data(query, input).await["reauthenticate"]["reauthToken"].clone()
}

/// After the kill it is released whole or not at all; with its key it is released once, and answered alike.
async fn assert_repeated(place: &str, report: &Value, key: &Value, radiologist: &Client) {
    let found = radiologist.data(SEEN, json!({ "id": report })).await["report"].clone();
    assert_eq!(found, expected(place == "committed"), "{place}");
    let input = json!({ "reportId": report, "expectedVersion": 1, "idempotencyKey": key, "reauthToken": proof(radiologist).await });
    let selection = "report { id status version currentVersion }";
    let first = change(radiologist, "confirmReport", selection, input.clone()).await;
    assert_eq!(change(radiologist, "confirmReport", selection, input).await, first, "{place}");
    let found = radiologist.data(SEEN, json!({ "id": report })).await["report"].clone();
    assert_eq!(found, expected(true), "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_released_while_all_is_killed_anywhere_is_released_whole_or_not_at_all() {
    let mut stack = Stack::start();
    let radiologist = stack.sign_in("radiologist").await;
    let patient = patients(&radiologist, 1).await.remove(0);
    let mut reports = Vec::new();
    for place in PLACES {
        let input = json!({ "patientId": patient, "findings": "Clear.", "idempotencyKey": Uuid::new_v4() });
        let report = change(&radiologist, "createReport", "report { id }", input).await["report"]["id"].clone();
        reports.push((place, report, json!(Uuid::new_v4())));
    }
    stack.signal("TERM");
    let mut before: Option<&(&str, Value, Value)> = None;
    for one in &reports {
        let (place, report, key) = one;
        let stop = format!("confirmReport: {place}");
        stack.stop_at = Some(stop.clone());
        stack.restart();
        let radiologist = stack.sign_in("radiologist").await;
        let proof = proof(&radiologist).await;
        // What was killed before is looked at here, and sent again where nothing stops on the way.
        if let Some((place, report, _)) = before {
            let found = radiologist.data(SEEN, json!({ "id": report })).await["report"].clone();
            assert_eq!(found, expected(*place == "committed"), "{place}");
        }
        let input = json!({ "reportId": report, "expectedVersion": 1, "idempotencyKey": key, "reauthToken": proof });
        let query = "mutation ($input: ConfirmReportInput!) { confirmReport(input: $input) { report { id } userErrors { code } } }";
        let releasing = tokio::spawn(async move { radiologist.try_ask(query, json!({ "input": input })).await });
        tokio::task::block_in_place(|| stack.wait_for(&format!("stopped at {stop}")));
        stack.kill_tree();
        // The router may be the last to die: then it says that diagnosis is gone.
        if let Ok(answer) = releasing.await.expect("ended") {
            assert!(answer.body["data"]["confirmReport"].is_null(), "{stop}: nobody got an answer: {}", answer.body);
        }
        before = Some(one);
    }
    stack.stop_at = None;
    stack.restart();
    let radiologist = stack.sign_in("radiologist").await;
    for (place, report, key) in &reports {
        assert_repeated(place, report, key, &radiologist).await;
    }
    stack.assert_log_is_chained();
}
