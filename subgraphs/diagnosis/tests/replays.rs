//! A mutation that is sent again with its key gives its first answer, whatever has become of the world since.

mod setup;

use healthbridge_auth::Claims;
use healthbridge_rights::Role;
use healthbridge_testkit::Mutations;
use serde_json::json;
use setup::setup;
use uuid::Uuid;

#[tokio::test]
async fn what_somebody_wrote_who_has_left_the_staff_since_is_answered_alike() {
    let setup = setup().await;
    let claims = setup.tokens.claims(Role::Radiologist, None, Some(Uuid::now_v7()));
    let radiologist = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
    let later = setup.anonymous.with_token(setup.tokens.key.sign(&Claims { staff_id: None, ..claims }));
    let runs = Mutations::of(&radiologist).await;
    let report = json!({ "patientId": Uuid::now_v7(), "findings": "Clear.", "idempotencyKey": Uuid::new_v4() });
    let signed = async {
        let sign = sqlx::query("UPDATE diagnosis.report SET status = 'FINAL'");
        sign.execute(&setup.database.pool).await.expect("signed");
    };
    let selection = "report { id createdAt author { id } }";
    runs.assert_replays((&radiologist, &later), "createReport", report, selection, signed).await;
}

#[tokio::test]
async fn an_entry_of_the_log_keeps_its_place_though_others_have_come() {
    let setup = setup().await;
    let nurse = setup.as_role(Role::Nurse);
    let runs = Mutations::of(&nurse).await;
    let entry = json!({ "action": "CHECKED_IN", "idempotencyKey": Uuid::new_v4() });
    let selection = "log { id seq hash recordedAt }";
    let first = runs.ask(&nurse, "addWorkflowLog", entry.clone(), selection).await;
    let next = json!({ "action": "CHECKED_IN", "idempotencyKey": Uuid::new_v4() });
    assert_eq!(runs.ask(&nurse, "addWorkflowLog", next, selection).await["log"]["seq"], json!("2"));
    assert_eq!(runs.ask(&nurse, "addWorkflowLog", entry, selection).await, first);
}

#[tokio::test]
async fn what_somebody_ordered_who_may_order_nothing_any_more_keeps_its_number() {
    let setup = setup().await;
    let claims = setup.tokens.claims(Role::Doctor, None, Some(Uuid::now_v7()));
    let doctor = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
    let later = setup.anonymous.with_token(setup.tokens.key.sign(&Claims { staff_id: None, ..claims }));
    let runs = Mutations::of(&doctor).await;
    let order = setup::orders::order_input(Uuid::now_v7(), "STAT");
    let others = async {
        runs.ask(&doctor, "orderImaging", setup::orders::order_input(Uuid::now_v7(), "STAT"), "order { id }").await;
    };
    runs.assert_replays((&doctor, &later), "orderImaging", order, "order { id accessionNumber createdAt }", others)
        .await;
}
