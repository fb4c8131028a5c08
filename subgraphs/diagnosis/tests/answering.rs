//! Reports that answer an order: what becomes of the order, and whose the result is.

mod setup;

use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{orders::Member, refusals, send, setup};
use uuid::Uuid;

#[tokio::test]
async fn a_release_completes_the_order_whose_doctor_has_the_result_and_a_withdrawal_opens_it_again() {
    let setup = setup().await;
    let patient = Uuid::now_v7();
    let doctor = setup.member(Role::Doctor);
    let order = doctor.order(patient, "STAT").await;
    let order = doctor.acquire(&order).await;
    let staff = Uuid::now_v7();
    let (client, proof) = setup.as_signer(Role::Radiologist, staff);
    let radiologist = Member { client, staff };
    let fields = "report { id version requester { id } status }";
    let step = async |mutation: &str, report: &Value, input: Value| {
        let mut input = input;
        input["reportId"] = report["id"].clone();
        input["expectedVersion"] = report["version"].clone();
        let payload = send(&radiologist.client, mutation, input, fields).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload["report"].clone()
    };
    let begun = radiologist.report(patient, &order).await["report"].clone();
    let begun = json!({ "id": begun["id"], "version": 1 });
    // A draft is given up, and the order may be read again.
    step("cancelReport", &begun, json!({ "reason": "a test" })).await;
    assert_eq!(doctor.see(&order).await["stage"], json!("ACQUIRED"));
    let begun = radiologist.report(patient, &order).await["report"].clone();
    let begun = json!({ "id": begun["id"], "version": 1 });
    assert_eq!(doctor.see(&order).await["stage"], json!("READING"));
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let of_order = "query ($id: ID!) { imagingOrder(id: $id) { report { id } } }";
    let seen = async || own.data(of_order, json!({ "id": order["id"] })).await["imagingOrder"]["report"].clone();
    assert_eq!(seen().await, Value::Null, "a patient knows of no draft");
    let critical = step("updateReportDraft", &begun, json!({ "critical": true })).await;
    let released = step("confirmReport", &critical, json!({ "reauthToken": proof })).await;
    assert_eq!(released["requester"]["id"], json!(doctor.staff));
    let done = doctor.see(&order).await;
    assert_eq!((&done["status"], &done["stage"]), (&json!("COMPLETED"), &json!("REPORTED")));
    assert_eq!(seen().await["id"], released["id"]);
    let mine = "{ criticalResults { nodes { id } } }";
    let results = doctor.client.data(mine, Value::Null).await;
    assert_eq!(results["criticalResults"]["nodes"], json!([{ "id": released["id"] }]));
    let others = setup.as_role(Role::Doctor).data(mine, Value::Null).await;
    assert_eq!(others["criticalResults"]["nodes"], json!([]), "another doctor has not asked for it");
    step("markReportEnteredInError", &released, json!({ "reauthToken": proof, "reason": "Wrong patient." })).await;
    let again = doctor.see(&order).await;
    assert_eq!((&again["status"], &again["stage"]), (&json!("ACTIVE"), &json!("ACQUIRED")));
    let next = radiologist.report(patient, &order).await;
    assert_eq!((refusals(&next), next["report"]["id"].is_string()), (Vec::<String>::new(), true));
}
