//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

mod setup;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use healthbridge_rights::Role;
use healthbridge_testkit::{Mutations, TestDatabase};
use serde_json::{Value, json};
use setup::{
    Setup,
    orders::{ORDER, order_input},
    setup_by,
};
use uuid::Uuid;

const WEEK: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let setup = setup_by(TestDatabase::only_connection).await;
    let radiologist = setup.as_role(Role::Radiologist);
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
    appointments(&setup, &mut runs).await;
    orders(&setup, &mut runs).await;
    runs.assert_all();
}

/// What is done with appointments; each first answer is what is read later.
async fn appointments(setup: &Setup, runs: &mut Mutations) {
    let (client, patient) = (&setup.as_role(Role::Clerk), Uuid::now_v7());
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
    let ways = [
        vec!["checkInAppointment", "fulfilAppointment"],
        vec!["markAppointmentNoShow"],
        vec!["updateAppointment", "cancelAppointment"],
    ];
    for (place, steps) in ways.into_iter().enumerate() {
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
            last = runs.run(client, step, input, &selection).await["appointment"].clone();
            let query = format!("query ($id: ID!) {{ appointment(id: $id) {{ {appointment} }} }}");
            assert_eq!(client.data(&query, json!({ "id": last["id"] })).await["appointment"], last, "{step}");
        }
    }
}

/// What is done with orders; each first answer is what is read later.
async fn orders(setup: &Setup, runs: &mut Mutations) {
    let (doctor, radiologist) = (setup.member(Role::Doctor), setup.member(Role::Radiologist));
    let selection = format!("order {{ {ORDER} }}");
    let input = order_input(Uuid::now_v7(), "STAT");
    let order = runs.run_twice(&doctor.client, "orderImaging", input, &selection).await["order"].clone();
    let mut version = 0;
    let mut at = |what: Value| {
        version += 1;
        let mut input = json!({ "orderId": order["id"], "expectedVersion": version });
        input.as_object_mut().expect("an input").extend(what.as_object().expect("fields").clone());
        input
    };
    let now = json!({ "orderId": order["id"] });
    let steps = [
        (&doctor, "updateImagingOrder", at(json!({ "priority": "URGENT" }))),
        (&doctor, "completeAcquisition", at(json!({ "imageIds": [Uuid::now_v7()] }))),
        (&radiologist, "startReading", now.clone()),
        (&radiologist, "stopReading", now),
    ];
    for (member, mutation, input) in steps {
        let first = runs.run(&member.client, mutation, input, &selection).await;
        assert_eq!(member.see(&order).await, first["order"], "{mutation}");
    }
    setup.report_by_hand(&order).await;
    let seen = json!({ "orderId": order["id"], "expectedVersion": doctor.see(&order).await["version"] });
    runs.run(&doctor.client, "acknowledgeImagingResult", seen, &selection).await;
    let other = doctor.order(Uuid::now_v7(), "STAT").await;
    let revoke = json!({ "orderId": other["id"], "expectedVersion": 1, "reason": "healed" });
    runs.run(&doctor.client, "revokeImagingOrder", revoke, &selection).await;
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
