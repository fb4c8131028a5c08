//! Lists of appointments, and what hangs below people: both ways, counted, by index.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, StatementCount, TestDatabase};
use serde_json::{Value, json};
use setup::{setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const SHEET: ListQuery<'_> = ListQuery { query: "{ appointments(PAGE) CONNECTION }", at: "/appointments" };
const SHEET_OF_DOCTOR: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!, $from: DateTime!, $to: DateTime!) {
        appointments(PAGE, filter: { doctorId: $id, from: $from, to: $to, status: [BOOKED, CHECKED_IN] }) CONNECTION }",
    at: "/appointments",
};
const APPOINTMENTS_OF_DOCTOR: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"MedicalStaff\", id: $id }]) {
        ... on MedicalStaff { appointments(PAGE) CONNECTION } } }",
    at: "/_entities/0/appointments",
};
const APPOINTMENTS_OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { appointments(PAGE) CONNECTION } } }",
    at: "/_entities/0/appointments",
};

/// So many appointments of a doctor with each of two patients in any order, one hour each, from this day on; some at the same
/// time, of which all but one were cancelled.
async fn fill_day_sheet(pool: &PgPool, doctor: Uuid, patient: Uuid, rows: u32) {
    let statement = format!(
        "INSERT INTO diagnosis.appointment (id, status, patient_id, doctor_id, start_at, end_at, cancel_reason, booked_by,
             created_at, updated_at)
         SELECT gen_random_uuid(), CASE number % 3 WHEN 0 THEN 'BOOKED' ELSE 'CANCELLED' END, '{patient}', '{doctor}',
             '2026-06-01T00:00:00Z'::timestamptz + number / 3 * interval '1 hour',
             '2026-06-01T00:00:00Z'::timestamptz + (number / 3 + 1) * interval '1 hour',
             CASE number % 3 WHEN 0 THEN NULL ELSE 'ill' END, gen_random_uuid(), now(), now()
         FROM generate_series(1, {rows}) AS number ORDER BY random()"
    );
    raw_sql(AssertSqlSafe(statement)).execute(pool).await.expect("filled");
}

#[tokio::test]
async fn a_day_sheet_is_in_the_order_of_starts_both_ways_and_counted_for_whoever_may_see_it() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (doctor, other, patient) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    fill_day_sheet(&setup.database.pool, doctor, patient, 13).await;
    fill_day_sheet(&setup.database.pool, other, Uuid::now_v7(), 4).await;
    assert_eq!(SHEET.assert_pages(&clerk, "id start", &Value::Null).await, 17);
    let (of_doctor, of_patient) = (json!({ "id": doctor }), json!({ "id": patient }));
    assert_eq!(APPOINTMENTS_OF_DOCTOR.assert_pages(&clerk, "id", &of_doctor).await, 13);
    assert_eq!(APPOINTMENTS_OF_PATIENT.assert_pages(&clerk, "id", &of_patient).await, 13);
    let day = json!({ "id": doctor, "from": "2026-06-01T01:00:00Z", "to": "2026-06-01T04:00:00Z" });
    assert_eq!(SHEET_OF_DOCTOR.assert_pages(&clerk, "id start", &day).await, 3);
    let sheet = clerk.data("{ appointments(first: 100) { nodes { start } } }", Value::Null).await;
    let starts = sheet["appointments"]["nodes"].as_array().cloned().expect("appointments");
    assert!(starts.is_sorted_by_key(|one| one["start"].to_string()), "{starts:?}");
    let exactly = |rows: i64| (json!(rows), json!(true));
    assert_eq!(SHEET.total(&clerk, &Value::Null).await, exactly(17));
    assert_eq!(SHEET_OF_DOCTOR.total(&clerk, &day).await, exactly(3));
    assert_eq!(APPOINTMENTS_OF_DOCTOR.total(&clerk, &of_doctor).await, exactly(13));
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    assert_eq!(APPOINTMENTS_OF_PATIENT.assert_pages(&own, "id", &of_patient).await, 13);
    assert_eq!(APPOINTMENTS_OF_PATIENT.total(&own, &of_patient).await, exactly(13));
    let stranger = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    assert_eq!(APPOINTMENTS_OF_PATIENT.total(&stranger, &of_patient).await, exactly(0));
}

#[tokio::test]
async fn appointments_and_working_hours_of_a_hundred_parents_cost_as_many_statements_as_ones() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let people: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    for person in &people {
        fill_day_sheet(&setup.database.pool, *person, *person, 2).await;
    }
    for (type_name, selection, statements) in [
        ("Patient", "appointments(first: 10) { nodes { id } }", 1),
        ("Patient", "appointments(last: 10) { totalCount nodes { id } }", 2),
        ("MedicalStaff", "appointments(first: 10) { totalCount nodes { id } }", 2),
        ("MedicalStaff", "workingHours { validFrom }", 1),
    ] {
        for parents in [1, 100] {
            let asked = clerk.entities(type_name, &people[..parents], selection);
            let (answer, ran) = count.during(asked).await;
            assert_eq!((answer.codes(), ran), (Vec::new(), statements), "{type_name} {selection}: {parents}");
        }
    }
}

#[tokio::test]
async fn pages_of_a_long_day_sheet_are_read_from_an_index_either_way() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one).await;
    let clerk = setup.as_role(Role::Clerk);
    let (doctor, patient) = (Uuid::now_v7(), Uuid::now_v7());
    for _ in 0..100 {
        fill_day_sheet(&setup.database.pool, Uuid::now_v7(), Uuid::now_v7(), 300).await;
    }
    fill_day_sheet(&setup.database.pool, doctor, patient, 300).await;
    raw_sql("VACUUM ANALYZE diagnosis.appointment").execute(&setup.database.pool).await.expect("analysed");
    SHEET.assert_index(&clerk, &plans, "appointment_by_start", &Value::Null).await;
    let day = json!({ "id": doctor, "from": "2026-06-01T01:00:00Z", "to": "2026-06-04T04:00:00Z" });
    SHEET_OF_DOCTOR.assert_index(&clerk, &plans, "appointment_of_doctor", &day).await;
    APPOINTMENTS_OF_DOCTOR.assert_index(&clerk, &plans, "appointment_of_doctor", &json!({ "id": doctor })).await;
    APPOINTMENTS_OF_PATIENT.assert_index(&clerk, &plans, "appointment_of_patient", &json!({ "id": patient })).await;
}
