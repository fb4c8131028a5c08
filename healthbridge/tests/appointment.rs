//! A booking when everything is killed between any two of its statements.

mod stack;

use chrono::{TimeDelta, Utc};
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, patients};
use uuid::Uuid;

/// The places between its statements, as the program names them.
const PLACES: [&str; 7] =
    ["key claimed", "people locked", "hours read", "doctor looked up", "patient looked up", "written", "committed"];

const BOOK: &str = "mutation ($input: BookAppointmentInput!) { bookAppointment(input: $input) {
    appointment { id start version } userErrors { code } } }";

async fn book(client: &Client, input: &Value) -> Value {
    client.data(BOOK, json!({ "input": input })).await["bookAppointment"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_killed_anywhere_is_there_whole_or_not_at_all_and_its_key_has_one_answer() {
    let mut stack = Stack::start();
    let clerk = stack.sign_in("clerk").await;
    let patient = patients(&clerk, 1).await.remove(0);
    stack.signal("TERM");
    let start = Utc::now() + TimeDelta::days(1);
    let mut killed = Vec::new();
    for (day, place) in (1..).zip(PLACES) {
        let start = start + TimeDelta::days(day);
        let input = json!({ "patientId": patient, "doctorId": Uuid::now_v7(), "start": start,
            "end": start + TimeDelta::minutes(30), "idempotencyKey": Uuid::new_v4() });
        let stop = format!("bookAppointment: {place}");
        stack.stop_at = Some(stop.clone());
        stack.restart();
        let asked = stack.sign_in("clerk").await;
        let variables = json!({ "input": input });
        let booking = tokio::spawn(async move { asked.try_ask(BOOK, variables).await });
        tokio::task::block_in_place(|| stack.wait_for(&format!("stopped at {stop}")));
        stack.kill_tree();
        if let Ok(answer) = booking.await.expect("ended") {
            assert!(answer.body["data"]["bookAppointment"].is_null(), "{stop}: nobody got an answer: {}", answer.body);
        }
        killed.push((place, input));
    }
    stack.stop_at = None;
    stack.restart();
    let clerk = stack.sign_in("clerk").await;
    for (place, input) in &killed {
        assert_repeated(&clerk, place, input).await;
    }
    stack.assert_log_is_chained();
}

/// After the kill it is there whole or not at all; with its key it is made once, and answered alike.
async fn assert_repeated(clerk: &Client, place: &str, input: &Value) {
    let query = "query ($doctor: ID!) { appointments(filter: { doctorId: $doctor }) { nodes { id status } } }";
    let found = async || {
        let sheet = clerk.data(query, json!({ "doctor": input["doctorId"] })).await;
        sheet["appointments"]["nodes"].as_array().cloned().expect("appointments")
    };
    assert_eq!(found().await.len(), usize::from(place == "committed"), "{place}");
    let first = book(clerk, input).await;
    let second = book(clerk, input).await;
    assert!(first["appointment"]["id"].is_string() && first == second, "{place}: {first} {second}");
    assert_eq!(found().await, [json!({ "id": first["appointment"]["id"], "status": "BOOKED" })], "{place}");
    // Its time is taken, and by nobody else.
    let mut other = input.clone();
    other["idempotencyKey"] = json!(Uuid::new_v4());
    assert_eq!(book(clerk, &other).await["userErrors"][0]["code"], json!("ALREADY_EXISTS"), "{place}");
}
