//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

mod setup;

use std::time::Duration;

use healthbridge_rights::Role;
use healthbridge_testkit::{Mutations, TestDatabase};
use serde_json::{Value, json};
use setup::setup_by;
use uuid::Uuid;

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let radiologist = setup_by(TestDatabase::only_connection).await.as_role(Role::Radiologist);
    let mut runs = Mutations::of(&radiologist).await;
    let patient = Uuid::now_v7();
    let report = "id version createdAt updatedAt issuedAt";
    let input = json!({ "patientId": patient, "findings": "Clear.", "impression": "Normal.", "idempotencyKey": Uuid::new_v4() });
    let made = runs.run_twice(&radiologist, "createReport", input, &format!("report {{ {report} }}")).await;
    let query = format!("query ($id: ID!) {{ report(id: $id) {{ {report} }} }}");
    let later = radiologist.data(&query, json!({ "id": made["report"]["id"] })).await;
    assert_eq!(later["report"], made["report"]);
    let log = "id seq occurredAt recordedAt";
    for at in [json!(null), json!("2026-01-01T00:00:00.123456789Z")] {
        let input = json!({ "action": "READ_STARTED", "patientId": patient, "reportId": made["report"]["id"], "occurredAt": at,
            "idempotencyKey": Uuid::new_v4() });
        let logged = runs.run_twice(&radiologist, "addWorkflowLog", input, &format!("log {{ {log} }}")).await;
        let query = format!("query ($id: ID!) {{ workflowLog(id: $id) {{ {log} }} }}");
        let later = radiologist.data(&query, json!({ "id": logged["log"]["id"] })).await;
        assert_eq!(later["workflowLog"], logged["log"]);
    }
    runs.assert_all();
}

#[tokio::test]
async fn who_waits_for_a_connection_in_vain_is_told_to_come_again_and_is_served_then() {
    let mut pool = None;
    let impatient = |database: &TestDatabase| {
        let patient = database.only_connection();
        let options = patient.options().clone().acquire_timeout(Duration::from_secs(1));
        pool.insert(options.connect_lazy_with(database.options.clone())).clone()
    };
    let nurse = setup_by(impatient).await.as_role(Role::Nurse);
    let held = pool.expect("the subgraph's pool").acquire().await.expect("its only connection");
    let add = "mutation { addWorkflowLog(input: { action: CHECKED_IN }) { log { seq } userErrors { code } } }";
    let refused = nurse.send(add, Value::Null).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().expect("a value")));
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["errors"][0]["extensions"]["code"], json!("OVERLOADED"));
    drop(held);
    assert_eq!(
        nurse.data(add, Value::Null).await["addWorkflowLog"]["log"]["seq"],
        json!("1"),
        "nothing was done before"
    );
}
