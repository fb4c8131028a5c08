//! Orders for imaging when everything is killed between any two of their statements.

mod stack;

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, patients};
use uuid::Uuid;

/// The places between the statements, as the program names them.
const PLACES: [&str; 5] = ["key claimed", "number drawn", "order written", "written", "committed"];

const ORDER: &str = "mutation ($input: OrderImagingInput!) { orderImaging(input: $input) {
    order { id accessionNumber version } userErrors { code message } } }";

fn input(patient: &Value) -> Value {
    json!({ "input": { "patientId": patient, "modality": "CT", "reason": "a test", "idempotencyKey": Uuid::new_v4() } })
}

async fn order(doctor: &Client, input: &Value) -> Value {
    let made = doctor.data(ORDER, input.clone()).await["orderImaging"].clone();
    assert_eq!(made["userErrors"], json!([]));
    made["order"].clone()
}

/// The accession numbers that there are, the last first, without their year.
async fn numbers(doctor: &Client) -> Vec<u64> {
    let query = "{ imagingOrders(first: 100) { nodes { accessionNumber } } }";
    let found = doctor.data(query, Value::Null).await["imagingOrders"]["nodes"].clone();
    let number = |node: &Value| node["accessionNumber"].as_str().and_then(|text| text.rsplit('-').next()?.parse().ok());
    let mut numbers: Vec<u64> = found.as_array().expect("orders").iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_given_while_all_is_killed_anywhere_is_there_once_and_no_number_is_missing() {
    let mut stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let patient = patients(&doctor, 1).await.remove(0);
    let before = numbers(&doctor).await.len();
    stack.signal("TERM");
    let mut last: Option<(&str, Value)> = None;
    for place in PLACES {
        stack.stop_at = Some(format!("orderImaging: {place}"));
        stack.restart();
        let doctor = stack.sign_in("doctor").await;
        if let Some((place, _)) = &last {
            assert_eq!(numbers(&doctor).await.len(), before, "{place}");
        }
        let input = input(&patient);
        let (asked, sent) = (doctor.clone(), input.clone());
        let ordering = tokio::spawn(async move { asked.try_ask(ORDER, sent).await });
        tokio::task::block_in_place(|| stack.wait_for(&format!("stopped at orderImaging: {place}")));
        stack.kill_tree();
        // The router may be the last to die: then it says that diagnosis is gone.
        if let Ok(answer) = ordering.await.expect("ended") {
            assert!(answer.body["data"]["orderImaging"].is_null(), "{place}: nobody got an answer: {}", answer.body);
        }
        last = Some((place, input));
    }
    stack.stop_at = None;
    stack.restart();
    let doctor = stack.sign_in("doctor").await;
    let all = |count: usize| (1..=u64::try_from(count).expect("small")).collect::<Vec<_>>();
    assert_eq!(numbers(&doctor).await, all(before + 1), "what was committed, and nothing else");
    let (_, input) = last.expect("some");
    let (first, second) = (order(&doctor, &input).await, order(&doctor, &input).await);
    assert_eq!(first, second);
    assert_eq!(numbers(&doctor).await, all(before + 1), "the key has one answer");
    order(&doctor, &self::input(&patient)).await;
    assert_eq!(numbers(&doctor).await, all(before + 2), "no number is missing");
    stack.assert_log_is_chained();
}
