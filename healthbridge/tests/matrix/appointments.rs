//! What the matrix knows of appointments.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use uuid::Uuid;

const BOOK: &str = "mutation ($input: BookAppointmentInput!) { bookAppointment(input: $input) { appointment { id } } }";

/// A time that nobody has yet.
fn free_time() -> DateTime<Utc> {
    static PLACE: AtomicI64 = AtomicI64::new(1);
    Utc::now() + TimeDelta::hours(PLACE.fetch_add(1, Ordering::Relaxed))
}

fn time_of(patient: &Value, doctor: &Value) -> Value {
    let start = free_time();
    json!({ "patientId": patient, "doctorId": doctor, "start": start, "end": start + TimeDelta::minutes(30),
        "idempotencyKey": Uuid::new_v4() })
}

/// The id of an appointment that is booked.
pub async fn book(client: &Client, patient: &str, doctor: &str) -> Value {
    let input = time_of(&json!(patient), &json!(doctor));
    client.data(BOOK, json!({ "input": input })).await["bookAppointment"]["appointment"]["id"].clone()
}

/// An input of a mutation of appointments, if it is one.
pub fn input(mutation: &str, row: impl Fn(&'static str) -> Value) -> Option<Value> {
    let step = || json!({ "appointmentId": row("Appointment"), "expectedVersion": 999 });
    match mutation {
        "bookAppointment" => Some(time_of(&row("Patient"), &json!(Uuid::now_v7()))),
        "checkInAppointment" | "fulfilAppointment" | "markAppointmentNoShow" | "updateAppointment" => Some(step()),
        "cancelAppointment" => {
            let mut input = step();
            input["reason"] = json!("the matrix");
            Some(input)
        }
        "setWorkingHours" => Some(json!({ "doctorId": row("MedicalStaff"), "validFrom": "2026-01-01", "hours": [],
            "expectedVersion": 999 })),
        _ => None,
    }
}

/// An argument of `freeSlots`, if it is one.
pub fn argument(name: &str, doctor: Option<&String>) -> Option<String> {
    let time = |days: i64| json!(Utc::now() + TimeDelta::days(days)).to_string();
    match name {
        "doctorId" => Some(json!(doctor.cloned().unwrap_or_default()).to_string()),
        "from" => Some(time(30)),
        "to" => Some(time(31)),
        _ => None,
    }
}
