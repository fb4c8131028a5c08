//! Appointments over HTTP on a real database: who books what, and what a doctor's day looks like.

mod setup;

use chrono::{DateTime, Duration, DurationRound, Utc};
use healthbridge_auth::Claims;
use healthbridge_diagnosis::{AppointmentSettings, Settings};
use healthbridge_rights::{PATIENTS_BOOK, Role};
use healthbridge_testkit::{Client, Mutations, StatementCount, assert_alike};
use serde_json::{Value, json};
use setup::{Setup, setup, setup_with};
use uuid::Uuid;

const APPOINTMENT: &str = "appointment { id status version start end reason note cancelReason allowedTransitions
    patient { id } doctor { id } bookedBy { id } } nextFreeSlot { start end }";

/// So many minutes after a whole hour that is one hour to two ahead.
fn at(minutes: i64) -> DateTime<Utc> {
    let hour = (Utc::now() + Duration::hours(2)).duration_trunc(Duration::hours(1)).expect("an hour");
    hour + Duration::minutes(minutes)
}

fn time(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339())
}

fn wanted(doctor: Uuid, patient: Uuid, from: i64, to: i64) -> Value {
    json!({ "doctorId": doctor, "patientId": patient, "start": at(from), "end": at(to), "idempotencyKey": Uuid::new_v4() })
}

/// What somebody does at the desk.
struct Desk {
    clerk: Client,
    runs: Mutations,
}

impl Desk {
    async fn of(setup: &Setup) -> Self {
        let clerk = setup.as_role(Role::Clerk);
        Self { runs: Mutations::of(&clerk).await, clerk }
    }

    async fn ask(&self, name: &str, input: Value) -> Value {
        self.runs.payload(&self.clerk, name, input, APPOINTMENT).await
    }

    async fn book(&self, doctor: Uuid, patient: Uuid, from: i64, to: i64) -> Value {
        let booked = self.ask("bookAppointment", wanted(doctor, patient, from, to)).await;
        assert_eq!(booked["userErrors"], json!([]), "{booked}");
        booked["appointment"].clone()
    }

    async fn step(&self, name: &str, appointment: &Value) -> Value {
        let input = json!({ "appointmentId": appointment["id"], "expectedVersion": appointment["version"] });
        self.ask(name, input).await
    }

    async fn cancel(&self, appointment: &Value) -> Value {
        let input = json!({ "appointmentId": appointment["id"], "expectedVersion": appointment["version"],
            "reason": "ill" });
        self.ask("cancelAppointment", input).await
    }
}

fn code(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().expect("refusals");
    errors.iter().filter_map(|error| error["code"].as_str()).collect()
}

#[tokio::test]
async fn an_appointment_goes_from_booked_over_checked_in_to_fulfilled_and_no_other_way() {
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    let booked = desk.book(doctor, patient, 0, 30).await;
    assert_eq!((&booked["status"], &booked["version"]), (&json!("BOOKED"), &json!(1)));
    assert_eq!(booked["allowedTransitions"], json!(["CHECKED_IN", "CANCELLED"]), "nobody is missed before the time");
    assert_eq!(code(&desk.step("markAppointmentNoShow", &booked).await), ["ILLEGAL_TRANSITION"]);
    assert_eq!(code(&desk.step("fulfilAppointment", &booked).await), ["ILLEGAL_TRANSITION"]);
    let here = desk.step("checkInAppointment", &booked).await["appointment"].clone();
    assert_eq!(here["allowedTransitions"], json!(["FULFILLED", "CANCELLED"]));
    let stale = desk.step("checkInAppointment", &booked).await;
    assert_eq!((code(&stale), &stale["appointment"]), (vec!["VERSION_CONFLICT"], &here), "it is shown as it is");
    let over = desk.step("fulfilAppointment", &here).await["appointment"].clone();
    assert_eq!((&over["status"], &over["allowedTransitions"]), (&json!("FULFILLED"), &json!([])));
    assert_eq!(code(&desk.cancel(&over).await), ["ILLEGAL_TRANSITION"]);
    let logs = desk.clerk.data("{ workflowLogs { nodes { action patient { id } } } }", Value::Null).await;
    assert_eq!(logs["workflowLogs"]["nodes"], json!([{ "action": "CHECKED_IN", "patient": { "id": patient } }]));
}

#[tokio::test]
async fn what_is_cancelled_or_missed_frees_its_time_and_is_never_removed() {
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    let first = desk.book(doctor, patient, 0, 30).await;
    let no_reason = json!({ "appointmentId": first["id"], "expectedVersion": 1, "reason": " " });
    assert_eq!(code(&desk.ask("cancelAppointment", no_reason).await), ["REQUIRED"]);
    let cancelled = desk.cancel(&first).await["appointment"].clone();
    assert_eq!((&cancelled["status"], &cancelled["cancelReason"]), (&json!("CANCELLED"), &json!("ill")));
    desk.book(doctor, patient, 0, 30).await;
    // One whose time has come.
    let begun = desk.book(Uuid::now_v7(), Uuid::now_v7(), -121, 30).await;
    assert_eq!(begun["allowedTransitions"], json!(["CHECKED_IN", "NOSHOW", "CANCELLED"]));
    let missed = desk.step("markAppointmentNoShow", &begun).await["appointment"].clone();
    assert_eq!((&missed["status"], &missed["allowedTransitions"]), (&json!("NOSHOW"), &json!([])));
    let again = |id: &Value| id.as_str().and_then(|id| id.parse::<Uuid>().ok()).expect("an id");
    desk.book(again(&begun["doctor"]["id"]), again(&begun["patient"]["id"]), 0, 30).await;
    for statement in ["DELETE FROM diagnosis.appointment", "TRUNCATE diagnosis.appointment"] {
        assert!(sqlx::query(statement).execute(&setup.database.pool).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_time_that_overlaps_in_part_is_refused_for_doctor_and_patient_with_the_next_free_one() {
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    desk.book(doctor, patient, 0, 30).await;
    desk.book(doctor, Uuid::now_v7(), 40, 60).await;
    for (name, doctor, patient, from, to, next) in [
        ("the doctor's, at its end", doctor, Uuid::now_v7(), 29, 45, 60),
        ("the doctor's, within", doctor, Uuid::now_v7(), 10, 15, 30),
        ("the doctor's, around", doctor, Uuid::now_v7(), -5, 65, 60),
        ("the patient's, at its beginning", Uuid::now_v7(), patient, -10, 1, 30),
        ("the same person's on the other side", patient, doctor, 0, 30, 60),
    ] {
        let refused = desk.ask("bookAppointment", wanted(doctor, patient, from, to)).await;
        if name.starts_with("the same") {
            // Ids of different kinds of people have nothing to do with each other.
            assert_eq!(refused["userErrors"], json!([]), "{name}");
            continue;
        }
        assert_eq!(code(&refused), ["ALREADY_EXISTS"], "{name}: {refused}");
        let expected = json!({ "start": time(at(next)), "end": time(at(next + to - from)) });
        assert_eq!((&refused["nextFreeSlot"], &refused["appointment"]), (&expected, &Value::Null), "{name}");
        let message = refused["userErrors"][0]["message"].as_str().expect("a message");
        let told = at(next).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        assert!(message.ends_with(&format!("the next free time is {told}")), "{message}");
    }
    desk.book(doctor, patient, 30, 40).await;
}

#[tokio::test]
async fn times_that_are_none_are_refused_by_their_field() {
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    for (from, to, codes) in [
        (30, 30, vec!["OUT_OF_RANGE"]),
        (30, 0, vec!["OUT_OF_RANGE"]),
        (0, 24 * 60 + 1, vec!["OUT_OF_RANGE"]),
        (-200, -180, vec!["OUT_OF_RANGE"]),
        (10 * 366 * 24 * 60, 10 * 366 * 24 * 60 + 30, vec!["OUT_OF_RANGE"]),
    ] {
        let refused = desk.ask("bookAppointment", wanted(doctor, patient, from, to)).await;
        assert_eq!(code(&refused), codes, "{from} to {to}");
    }
    let nobody =
        json!({ "doctorId": "x", "patientId": "y", "start": at(0), "end": at(30), "idempotencyKey": Uuid::new_v4() });
    assert_eq!(code(&desk.ask("bookAppointment", nobody).await), ["NOT_FOUND", "NOT_FOUND"]);
}

#[tokio::test]
async fn an_appointment_moves_to_another_time_or_doctor_until_the_patient_has_come() {
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (doctor, other, patient) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let booked = desk.book(doctor, patient, 0, 30).await;
    desk.book(other, Uuid::now_v7(), 30, 60).await;
    let update = async |of: &Value, changes: Value| {
        let mut input = json!({ "appointmentId": of["id"], "expectedVersion": of["version"] });
        for (name, value) in changes.as_object().expect("changes") {
            input[name] = value.clone();
        }
        desk.ask("updateAppointment", input).await
    };
    let taken = update(&booked, json!({ "doctorId": other, "start": at(20), "end": at(50) })).await;
    assert_eq!((code(&taken), &taken["nextFreeSlot"]["start"]), (vec!["ALREADY_EXISTS"], &time(at(60))));
    // A quarter of an hour later it overlaps itself, and nobody else.
    let moved =
        update(&booked, json!({ "start": at(15), "end": at(45), "note": "by phone" })).await["appointment"].clone();
    assert_eq!((&moved["start"], &moved["note"], &moved["version"]), (&time(at(15)), &json!("by phone"), &json!(2)));
    desk.book(doctor, Uuid::now_v7(), 0, 15).await;
    let stale = update(&booked, json!({ "note": "" })).await;
    assert_eq!((code(&stale), &stale["appointment"]), (vec!["VERSION_CONFLICT"], &moved));
    let plain = update(&moved, json!({ "note": "", "reason": "a cough" })).await["appointment"].clone();
    assert_eq!((&plain["note"], &plain["reason"]), (&Value::Null, &json!("a cough")));
    let here = desk.step("checkInAppointment", &plain).await["appointment"].clone();
    assert_eq!(code(&update(&here, json!({ "start": at(16) })).await), ["IMMUTABLE"]);
    let noted = update(&here, json!({ "note": "waits in room 2" })).await["appointment"].clone();
    let over = desk.step("fulfilAppointment", &noted).await["appointment"].clone();
    assert_eq!(code(&update(&over, json!({ "note": "x" })).await), ["IMMUTABLE"]);
}

#[tokio::test]
async fn a_patient_books_and_cancels_for_the_own_record_where_that_is_allowed_and_does_nothing_else() {
    for patients_book in [false, true] {
        let appointments = AppointmentSettings { patients_book, ..AppointmentSettings::default() };
        let settings = Settings { appointments, ..Settings::default() };
        let setup = setup_with(&settings, |database| database.pool.clone()).await;
        let desk = Desk::of(&setup).await;
        let (doctor, own) = (Uuid::now_v7(), Uuid::now_v7());
        let mut claims = setup.tokens.claims(Role::Patient, Some(own), None);
        claims.scope = format!("{} {}", claims.scope, PATIENTS_BOOK.join(" "));
        let patient = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
        let book = "mutation ($input: BookAppointmentInput!) { bookAppointment(input: $input) {
            appointment { id version status allowedTransitions } userErrors { code field } nextFreeSlot { start } } }";
        let booked = patient.ask(book, json!({ "input": wanted(doctor, own, 0, 30) })).await;
        if !patients_book {
            assert_eq!(booked.codes(), ["FORBIDDEN"], "the scope of another time counts for nothing");
            continue;
        }
        let booked = booked.body["data"]["bookAppointment"]["appointment"].clone();
        assert_eq!((&booked["status"], &booked["allowedTransitions"]), (&json!("BOOKED"), &json!(["CANCELLED"])));
        // Somebody else's record is to them as nobody's.
        let foreign = desk.book(doctor, Uuid::now_v7(), 30, 60).await;
        let other = foreign["patient"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        for nobodys in [other, Uuid::now_v7()] {
            let refused = patient.ask(book, json!({ "input": wanted(doctor, nobodys, 60, 90) })).await;
            assert_eq!(refused.refusals("bookAppointment"), ["NOT_FOUND"]);
        }
        // What others have booked is a time that is not free, and no more.
        let taken = patient.ask(book, json!({ "input": wanted(doctor, own, 30, 60) })).await;
        assert_eq!(taken.refusals("bookAppointment"), ["ALREADY_EXISTS"]);
        assert!(!taken.body.to_string().contains(&other.to_string()), "{}", taken.body);
        let cancel = "mutation ($input: CancelAppointmentInput!) { cancelAppointment(input: $input) {
            appointment { status } userErrors { code } } }";
        for nobodys in [foreign["id"].clone(), json!(Uuid::now_v7())] {
            let input = json!({ "appointmentId": nobodys, "expectedVersion": 9, "reason": "ill" });
            let refused = patient.ask(cancel, json!({ "input": input })).await;
            assert_eq!(
                refused.body["data"]["cancelAppointment"],
                json!({ "appointment": null, "userErrors": [{ "code": "NOT_FOUND" }] })
            );
        }
        for step in ["checkInAppointment", "fulfilAppointment", "markAppointmentNoShow"] {
            let query = format!(
                "mutation ($input: AppointmentStepInput!) {{ {step}(input: $input) {{ userErrors {{ code }} }} }}"
            );
            let input = json!({ "appointmentId": booked["id"], "expectedVersion": 1 });
            assert_eq!(patient.ask(&query, json!({ "input": input })).await.codes(), ["FORBIDDEN"], "{step}");
        }
        let input = json!({ "appointmentId": booked["id"], "expectedVersion": 1, "reason": "well again" });
        let cancelled = patient.data(cancel, json!({ "input": input })).await;
        assert_eq!(cancelled["cancelAppointment"]["appointment"]["status"], json!("CANCELLED"));
    }
}

#[tokio::test]
async fn what_is_allowed_next_is_exactly_what_is_taken_for_every_role_and_status() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    let steps = [
        ("checkInAppointment", "CHECKED_IN"),
        ("fulfilAppointment", "FULFILLED"),
        ("markAppointmentNoShow", "NOSHOW"),
        ("cancelAppointment", "CANCELLED"),
    ];
    let statuses = [
        "PROPOSED",
        "PENDING",
        "BOOKED",
        "ARRIVED",
        "CHECKED_IN",
        "FULFILLED",
        "CANCELLED",
        "NOSHOW",
        "ENTERED_IN_ERROR",
        "WAITLIST",
    ];
    let own = Uuid::now_v7();
    let mut taken = 0;
    for role in [Role::Admin, Role::Doctor, Role::Radiologist, Role::Nurse, Role::Clerk, Role::Auditor, Role::Patient] {
        let claims: Claims = setup.tokens.claims(role, (role == Role::Patient).then_some(own), None);
        let client = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
        for status in statuses {
            for hours in [-1, 1] {
                for (step, leads_to) in steps {
                    let id = Uuid::now_v7();
                    let insert = sqlx::query(
                        "INSERT INTO diagnosis.appointment (id, status, patient_id, doctor_id, start_at, end_at, cancel_reason,
                             booked_by, created_at, updated_at)
                         VALUES ($1, $2, $3, $1, now() + $4 * interval '1 hour', now() + $4 * interval '1 hour' + interval '1 s',
                             CASE $2 WHEN 'CANCELLED' THEN 'ill' END, $1, now(), now())",
                    );
                    // Of one patient only one may take time.
                    let clear = sqlx::query(
                        "UPDATE diagnosis.appointment SET status = 'ENTERED_IN_ERROR', cancel_reason = NULL",
                    );
                    clear.execute(pool).await.expect("cleared");
                    insert.bind(id).bind(status).bind(own).bind(hours).execute(pool).await.expect("there");
                    let query = "query ($id: ID!) { appointment(id: $id) { allowedTransitions } }";
                    let told =
                        client.data(query, json!({ "id": id })).await["appointment"]["allowedTransitions"].clone();
                    let is_told = told.as_array().expect("statuses").contains(&json!(leads_to));
                    let mut input = json!({ "appointmentId": id, "expectedVersion": 1 });
                    let kind = if step == "cancelAppointment" {
                        input["reason"] = json!("ill");
                        "CancelAppointmentInput"
                    } else {
                        "AppointmentStepInput"
                    };
                    let query = format!(
                        "mutation ($input: {kind}!) {{ {step}(input: $input) {{ appointment {{ status }} userErrors {{ code }} }} }}"
                    );
                    let answer = client.ask(&query, json!({ "input": input })).await;
                    let is_taken = answer.body["data"][step]["appointment"]["status"] == json!(leads_to);
                    assert_eq!(is_told, is_taken, "{role}: {status} {step} {hours}: {}", answer.body);
                    taken += usize::from(is_taken);
                }
            }
        }
    }
    assert_eq!(taken, 4 * (2 * 2 + 2 + 1 + 2 * 6), "as many as the four who may change appointments can take");
}

#[tokio::test]
async fn a_foreign_appointment_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let desk = Desk::of(&setup).await;
    let (own, other, doctor) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    desk.book(doctor, own, 0, 30).await;
    let foreign = desk.book(doctor, other, 30, 60).await["id"].clone();
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let query = "query ($id: ID!) { appointment(id: $id) { id reason start } }";
    assert_alike(&count, &patient, query, json!({ "id": foreign }), json!({ "id": Uuid::now_v7() })).await;
    let of = |type_name: &str, id: Value| json!({ "r": [{ "__typename": type_name, "id": id }] });
    let entity = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Appointment { reason } } }";
    let absent = || json!(Uuid::now_v7());
    assert_alike(&count, &patient, entity, of("Appointment", foreign), of("Appointment", absent())).await;
    let below = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { appointments { totalCount nodes { id } } } } }";
    assert_alike(&count, &patient, below, of("Patient", json!(other)), of("Patient", absent())).await;
    let own_ones = patient.entities("Patient", &[own], "appointments { nodes { patient { id } } }").await;
    assert_eq!(own_ones.body["data"]["_entities"][0]["appointments"]["nodes"], json!([{ "patient": { "id": own } }]));
    let sheet = patient.ask("{ appointments { nodes { id } } }", Value::Null).await;
    assert_eq!(sheet.codes(), ["FORBIDDEN"]);
}
