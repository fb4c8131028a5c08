//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

mod setup;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use healthbridge_rights::{Role, scopes_of};
use healthbridge_testkit::{Client, Mutations, TestDatabase};
use serde_json::{Value, json};
use setup::setup_by;
use uuid::Uuid;

const WEEK: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let setup = setup_by(TestDatabase::only_connection).await;
    // A radiologist who works at the desk, too.
    let mut claims = setup.tokens.claims(Role::Radiologist, None, Some(Uuid::now_v7()));
    claims.scope = format!("{} {}", claims.scope, scopes_of(Role::Clerk).join(" "));
    let radiologist = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
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
    appointments(&mut runs, &radiologist, patient).await;
    runs.assert_all();
}

/// Everything that is done with appointments; `client` may do it.
async fn appointments(runs: &mut Mutations, client: &Client, patient: Uuid) {
    let appointment = "id version status start end reason note cancelReason createdAt updatedAt";
    let selection = format!("appointment {{ {appointment} }} nextFreeSlot {{ start }}");
    let doctor = Uuid::now_v7();
    let input = json!({ "doctorId": doctor, "validFrom": "2026-01-01", "hours": [] });
    runs.run(client, "setWorkingHours", input, "workingHours { validFrom version }").await;
    let input = json!({ "doctorId": doctor, "validFrom": "2026-01-01", "expectedVersion": 1,
        "hours": WEEK.map(|day| json!({ "weekday": day, "from": "00:00", "to": "24:00" })) });
    let set = runs.run(client, "setWorkingHours", input, "workingHours { version hours { weekday } }").await;
    assert_eq!(
        (&set["workingHours"]["version"], set["workingHours"]["hours"].as_array().map(Vec::len)),
        (&json!(2), Some(7))
    );
    let mut steps = vec![
        vec!["checkInAppointment", "fulfilAppointment"],
        vec!["markAppointmentNoShow"],
        vec!["updateAppointment", "cancelAppointment"],
    ];
    for (place, steps) in steps.drain(..).enumerate() {
        let start = Utc::now() + TimeDelta::minutes(-1 + 10 * i64::try_from(place).expect("few"));
        let input = json!({ "patientId": if place == 1 { Uuid::now_v7() } else { patient },
            "doctorId": if place == 1 { Uuid::now_v7() } else { doctor }, "reason": "a cough",
            "start": if place == 1 { Utc::now() - TimeDelta::minutes(1) } else { start },
            "end": start + TimeDelta::minutes(9), "idempotencyKey": Uuid::new_v4() });
        let mut last = runs.run_twice(client, "bookAppointment", input, &selection).await["appointment"].clone();
        for step in steps {
            let mut input = json!({ "appointmentId": last["id"], "expectedVersion": last["version"] });
            match step {
                "updateAppointment" => input["end"] = json!(start + TimeDelta::minutes(5)),
                "cancelAppointment" => input["reason"] = json!("ill"),
                _ => {}
            }
            // Each first answer is what every later one is.
            last = runs.run(client, step, input, &selection).await["appointment"].clone();
            let query = format!("query ($id: ID!) {{ appointment(id: $id) {{ {appointment} }} }}");
            assert_eq!(client.data(&query, json!({ "id": last["id"] })).await["appointment"], last, "{step}");
        }
    }
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
