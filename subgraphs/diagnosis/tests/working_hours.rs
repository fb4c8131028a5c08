//! When doctors work, and when they are free: by the clinic's clock, over HTTP on a real database.

mod setup;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use healthbridge_diagnosis::{AppointmentSettings, Settings};
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, Mutations};
use serde_json::{Value, json};
use setup::{Setup, setup, setup_with};
use uuid::Uuid;

const WEEK: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

async fn in_berlin() -> Setup {
    let settings: AppointmentSettings =
        serde_json::from_value(json!({ "time_zone": "Europe/Berlin" })).expect("settings");
    let settings = Settings { appointments: settings, ..Settings::default() };
    setup_with(&settings, |database| database.pool.clone()).await
}

/// The same hours on each day of the week.
fn daily(doctor: Uuid, from: &str, hours: &[(&str, &str)]) -> Value {
    let of = |day: &str| {
        hours.iter().map(|(from, to)| json!({ "weekday": day, "from": from, "to": to })).collect::<Vec<_>>()
    };
    json!({ "doctorId": doctor, "validFrom": from, "hours": WEEK.iter().flat_map(|day| of(day)).collect::<Vec<_>>() })
}

async fn free(
    client: &Client,
    doctor: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    minutes: i32,
) -> Vec<DateTime<Utc>> {
    let query = "query ($doctor: ID!, $from: DateTime!, $to: DateTime!, $minutes: Int!) {
        freeSlots(doctorId: $doctor, from: $from, to: $to, minutes: $minutes) { start end } }";
    let variables = json!({ "doctor": doctor, "from": from, "to": to, "minutes": minutes });
    let slots = client.data(query, variables).await["freeSlots"].as_array().cloned().expect("slots");
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()).expect("a time");
    for slot in &slots {
        assert_eq!(time(&slot["end"]) - time(&slot["start"]), TimeDelta::minutes(minutes.into()));
    }
    slots.iter().map(|slot| time(&slot["start"])).collect()
}

/// The next day on which clocks in Berlin go forward or back: the last Sunday of the month, which is to come.
fn last_sunday(month: u32) -> NaiveDate {
    let after = Utc::now().date_naive() + Days::new(2);
    let mut days =
        after.iter_days().take(800).filter(|day| day.month() == month && day.weekday() == chrono::Weekday::Sun);
    days.find(|day| (*day + Days::new(7)).month() != month).expect("a day")
}

fn utc(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day.and_hms_opt(hour, minute, 0).expect("a time"))
}

#[tokio::test]
async fn free_times_are_the_working_hours_less_what_is_taken_and_tell_nothing_else() {
    let setup = in_berlin().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    // A day in July, when it is two hours later in Berlin than in UTC.
    let year = Utc::now().year() + 1;
    let day = NaiveDate::from_ymd_opt(year, 7, 15).expect("a day");
    runs.ask(&clerk, "setWorkingHours", daily(doctor, "2026-01-01", &[("08:00", "12:00")]), "workingHours { version }")
        .await;
    let book = |start: DateTime<Utc>, end: DateTime<Utc>| {
        json!({ "doctorId": doctor, "patientId": patient, "start": start,
        "end": end, "idempotencyKey": Uuid::new_v4() })
    };
    runs.ask(&clerk, "bookAppointment", book(utc(day, 7, 0), utc(day, 8, 0)), "appointment { id }").await;
    let (midnight, noon) = (utc(day, 0, 0), utc(day, 12, 0));
    let expected = [(6, 0), (6, 30), (8, 0), (8, 30), (9, 0), (9, 30)].map(|(hour, minute)| utc(day, hour, minute));
    assert_eq!(free(&clerk, doctor, midnight, noon, 30).await, expected);
    assert_eq!(free(&clerk, doctor, utc(day, 8, 10), utc(day, 9, 40), 30).await, expected[3..5], "whole ones within");
    for (start, end) in [((5, 59), (6, 29)), ((9, 31), (10, 1)), ((20, 0), (20, 30))] {
        let refused = book(utc(day, start.0, start.1), utc(day, end.0, end.1));
        let refused = runs.payload(&clerk, "bookAppointment", refused, "nextFreeSlot { start }").await;
        assert_eq!(refused["userErrors"][0]["code"], json!("OUT_OF_RANGE"), "{start:?}");
        assert!(refused["nextFreeSlot"]["start"].is_string(), "{refused}");
    }
    let own = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    assert_eq!(free(&own, doctor, midnight, noon, 30).await, expected, "somebody else is told the same");
    let anonymous = setup.anonymous.ask(
        "{ freeSlots(doctorId: \"x\", from: \"2026-01-01T00:00:00Z\", to: \"2026-01-02T00:00:00Z\") { start } }",
        Value::Null,
    );
    assert_eq!(anonymous.await.codes(), ["UNAUTHENTICATED"]);
    // What is over cannot be booked, and who has no hours is free at any time.
    let (last_week, since) = (Utc::now() - TimeDelta::days(9), Utc::now() - TimeDelta::days(8));
    assert!(free(&clerk, doctor, last_week, since, 30).await.is_empty());
    assert_eq!(free(&clerk, Uuid::now_v7(), midnight, noon, 30).await.len(), 24);
    for (from, to, minutes) in
        [(noon, midnight, 30), (midnight, midnight + TimeDelta::days(63), 30), (midnight, noon, 0)]
    {
        let query = "query ($d: ID!, $f: DateTime!, $t: DateTime!, $m: Int!) { freeSlots(doctorId: $d, from: $f, to: $t, minutes: $m) { start } }";
        let refused = clerk.ask(query, json!({ "d": doctor, "f": from, "t": to, "m": minutes })).await;
        assert_eq!(refused.codes(), ["BAD_USER_INPUT"], "{from} {to} {minutes}");
    }
}

#[tokio::test]
async fn no_time_is_free_in_the_missing_hour_and_the_doubled_one_has_twice_as_many() {
    let setup = in_berlin().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let (doctor, hours) = (Uuid::now_v7(), &[("00:00", "06:00")]);
    runs.ask(&clerk, "setWorkingHours", daily(doctor, "2026-01-01", hours), "workingHours { version }").await;
    for (month, begins, slots) in [(3, 23, 10), (10, 22, 14)] {
        let day = last_sunday(month);
        let midnight = utc(day - Days::new(1), begins, 0);
        let found = free(&clerk, doctor, midnight, midnight + TimeDelta::hours(10), 30).await;
        let expected: Vec<_> = (0..slots).map(|place| midnight + TimeDelta::minutes(30 * place)).collect();
        assert_eq!(found, expected, "{day}");
        let book = |minutes: i64, length: i64| {
            json!({ "doctorId": doctor, "patientId": Uuid::now_v7(),
            "start": utc(day, 1, 0) + TimeDelta::minutes(minutes),
            "end": utc(day, 1, 0) + TimeDelta::minutes(minutes + length), "idempotencyKey": Uuid::new_v4() })
        };
        // At 01:00 UTC clocks go: an appointment over it is as long as it is, and the time behind it another one's.
        runs.ask(&clerk, "bookAppointment", book(-15, 30), "appointment { id }").await;
        runs.ask(&clerk, "bookAppointment", book(15, 30), "appointment { id }").await;
        let taken = runs.payload(&clerk, "bookAppointment", book(0, 15), "nextFreeSlot { start }").await;
        assert_eq!(taken["userErrors"][0]["code"], json!("ALREADY_EXISTS"), "{day}");
        let after = if month == 3 { 4 } else { 5 };
        let outside =
            runs.payload(&clerk, "bookAppointment", book(60 * (after - 1) - 15, 30), "nextFreeSlot { start }").await;
        assert_eq!(outside["userErrors"][0]["code"], json!("OUT_OF_RANGE"), "{day}");
    }
}

#[tokio::test]
async fn hours_of_some_days_count_there_and_those_before_them_count_again_afterwards() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let doctor = Uuid::now_v7();
    let selection = "workingHours { validFrom validUntil version hours { weekday from to } }";
    let first_day = Utc::now().date_naive() + Days::new(10);
    runs.ask(&clerk, "setWorkingHours", daily(doctor, "2026-01-01", &[("08:00", "10:00")]), selection).await;
    let mut holiday = daily(doctor, &first_day.to_string(), &[]);
    holiday["validUntil"] = json!((first_day + Days::new(1)).to_string());
    let set = runs.ask(&clerk, "setWorkingHours", holiday.clone(), selection).await;
    assert_eq!((&set["workingHours"]["hours"], &set["workingHours"]["version"]), (&json!([]), &json!(1)));
    let slots =
        free(&clerk, doctor, utc(first_day, 0, 0) - TimeDelta::days(1), utc(first_day, 0, 0) + TimeDelta::days(3), 60)
            .await;
    let days: Vec<NaiveDate> = slots.iter().map(DateTime::date_naive).collect();
    let (before, after) = (first_day - Days::new(1), first_day + Days::new(2));
    assert_eq!(days, [before, before, after, after]);
    // Set again without having been seen, it is shown as it is.
    let blind = runs.payload(&clerk, "setWorkingHours", holiday.clone(), selection).await;
    assert_eq!(
        (&blind["userErrors"][0]["code"], &blind["workingHours"]),
        (&json!("VERSION_CONFLICT"), &set["workingHours"])
    );
    holiday["expectedVersion"] = json!(1);
    let again = runs.ask(&clerk, "setWorkingHours", holiday, selection).await;
    assert_eq!(again["workingHours"]["version"], json!(2));
    let read = "workingHours { validFrom validUntil hours { weekday from to } }";
    let read = clerk.entities("MedicalStaff", &[doctor], read).await;
    let all = &read.body["data"]["_entities"][0]["workingHours"];
    assert_eq!(
        (&all[0]["validFrom"], &all[0]["hours"][0]),
        (&json!("2026-01-01"), &json!({ "weekday": "MON", "from": "08:00", "to": "10:00" }))
    );
    assert_eq!(all[1]["validFrom"], json!(first_day.to_string()));
}

#[tokio::test]
async fn hours_that_are_none_are_refused_by_their_place() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let doctor = Uuid::now_v7();
    for (hours, codes) in [
        (vec![("8:00", "10:00")], vec![("INVALID_FORMAT", "from")]),
        (vec![("08:00", "24:01")], vec![("INVALID_FORMAT", "to")]),
        (vec![("10:00", "10:00")], vec![("OUT_OF_RANGE", "to")]),
        (vec![("08:00", "10:00"), ("09:59", "11:00")], vec![("OUT_OF_RANGE", "hours")]),
    ] {
        let hours: Vec<_> =
            hours.iter().map(|(from, to)| json!({ "weekday": "MON", "from": from, "to": to })).collect();
        let input = json!({ "doctorId": doctor, "validFrom": "2026-01-01", "hours": hours });
        let refused = runs.payload(&clerk, "setWorkingHours", input, "workingHours { version }").await;
        let errors = refused["userErrors"].as_array().expect("refusals");
        let found: Vec<_> = errors
            .iter()
            .map(|error| {
                (
                    error["code"].as_str().unwrap_or_default(),
                    error["field"].as_array().and_then(|path| path.last()?.as_str()).unwrap_or_default(),
                )
            })
            .collect();
        assert_eq!(found, codes, "{refused}");
    }
    let backwards = json!({ "doctorId": "x", "validFrom": "2026-01-02", "validUntil": "2026-01-01", "hours": [] });
    let refused = runs.payload(&clerk, "setWorkingHours", backwards, "workingHours { version }").await;
    assert_eq!(refused["userErrors"].as_array().map(Vec::len), Some(2), "{refused}");
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    let query = "mutation { setWorkingHours(input: { doctorId: \"x\", validFrom: \"2026-01-01\", hours: [] }) { userErrors { code } } }";
    assert_eq!(patient.ask(query, Value::Null).await.codes(), ["FORBIDDEN"]);
}

#[test]
fn a_time_zone_that_is_none_is_named() {
    let wrong = serde_json::from_value::<AppointmentSettings>(json!({ "time_zone": "Berlin" })).expect_err("no zone");
    assert!(wrong.to_string().contains("there is no time zone \"Berlin\""), "{wrong}");
}
