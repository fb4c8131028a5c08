//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

use healthbridge_auth::Role;
use healthbridge_diagnosis::{DESCRIPTION, open};
use healthbridge_graphql::Exposure;
use healthbridge_testkit::{Client, Mutations, TestDatabase, Tokens, serve};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let (database, tokens) = (TestDatabase::of(DESCRIPTION.provision).await, Tokens::new());
    let url = serve(open(database.only_connection()).routes(tokens.verifier(), Exposure::default())).await;
    let radiologist = Client::new(&url).with_token(tokens.of(Role::Radiologist));
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
