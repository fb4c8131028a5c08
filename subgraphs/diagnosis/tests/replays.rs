//! A mutation that is sent again with its key gives its first answer, whatever has become of the world since.

mod setup;

use chrono::{TimeDelta, Utc};
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
async fn a_time_that_was_booked_and_cancelled_and_is_somebody_elses_now_is_answered_alike() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let start = Utc::now() + TimeDelta::hours(1);
    let book = |patient: Uuid, doctor: Uuid| {
        json!({ "patientId": patient, "doctorId": doctor, "start": start,
        "end": start + TimeDelta::minutes(30), "idempotencyKey": Uuid::new_v4() })
    };
    let (patient, doctor) = (Uuid::now_v7(), Uuid::now_v7());
    let taken = async {
        let cancel = "UPDATE diagnosis.appointment SET status = 'CANCELLED', cancel_reason = 'ill'";
        sqlx::query(cancel).execute(&setup.database.pool).await.expect("cancelled");
        runs.ask(&clerk, "bookAppointment", book(Uuid::now_v7(), doctor), "appointment { id }").await;
    };
    let selection = "appointment { id start end createdAt patient { id } }";
    runs.assert_replays((&clerk, &clerk), "bookAppointment", book(patient, doctor), selection, taken).await;
    let mut other = book(patient, Uuid::now_v7());
    let first = runs.ask(&clerk, "bookAppointment", other.clone(), selection).await;
    assert_eq!(runs.ask(&clerk, "bookAppointment", other.clone(), selection).await, first);
    other["reason"] = json!("a cough");
    let reused = runs.payload(&clerk, "bookAppointment", other, selection).await;
    assert_eq!(reused["userErrors"][0]["code"], json!("IDEMPOTENCY_KEY_REUSED"));
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
