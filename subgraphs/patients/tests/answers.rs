//! Times and cursors as they are answered and taken, over HTTP on a real database.

mod setup;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use healthbridge_rights::Role;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use setup::{PASSWORD, Setup, setup};
use uuid::Uuid;

impl Setup {
    async fn first_answer_is_the_last(&self, client: &Client, mutation: &str, variables: Value, query: &str) {
        let first = client.data(mutation, variables.clone()).await["done"]["made"].clone();
        assert!(first["id"].is_string(), "{first}");
        let later = client.data(query, json!({ "id": first["id"] })).await["made"].clone();
        assert_eq!(later, first, "{mutation}");
        if variables["input"]["idempotencyKey"].is_string() {
            let replay = client.data(mutation, variables).await["done"]["made"].clone();
            assert_eq!(replay, first, "{mutation} sent again");
        }
    }
}

#[tokio::test]
async fn the_first_answer_has_the_times_that_every_later_one_has() {
    let setup = setup().await;
    // One caller for all: keys belong to whoever sent them.
    let (admin, clerk) = (setup.as_role(Role::Admin), setup.as_role(Role::Clerk));
    let key = Uuid::new_v4;
    let fields = "id version createdAt updatedAt";
    let input =
        json!({ "input": { "name": { "family": "Doe", "given": [] }, "gender": "MALE", "idempotencyKey": key() } });
    let patient = format!(
        "mutation ($input: CreatePatientInput!) {{ done: createPatient(input: $input) {{ made: patient {{ {fields} deceasedAt }} }} }}"
    );
    let query = format!("query ($id: ID!) {{ made: patient(id: $id) {{ {fields} deceasedAt }} }}");
    setup.first_answer_is_the_last(&clerk, &patient, input.clone(), &query).await;
    let id = clerk.data(&patient, input).await["done"]["made"]["id"].clone();
    let update = format!(
        "mutation ($input: UpdatePatientInput!) {{ done: updatePatient(input: $input) {{ made: patient {{ {fields} deceasedAt }} }} }}"
    );
    let input =
        json!({ "input": { "patientId": id, "expectedVersion": 1, "deceasedAt": "2026-01-01T00:00:00.123456789Z" } });
    setup.first_answer_is_the_last(&clerk, &update, input, &query).await;
    let member = format!(
        "mutation ($input: CreateStaffInput!) {{ done: createStaffMember(input: $input) {{ made: staffMember {{ {fields} }} }} }}"
    );
    let input = json!({ "input": { "name": { "family": "House", "given": [] }, "profession": "NURSE", "idempotencyKey": key() } });
    let query = format!("query ($id: ID!) {{ made: staffMember(id: $id) {{ {fields} }} }}");
    setup.first_answer_is_the_last(&admin, &member, input, &query).await;
    let user = "mutation ($input: CreateUserInput!) { done: createUser(input: $input) { made: user { id createdAt updatedAt lastLoginAt } } }";
    let input =
        json!({ "input": { "email": "a@example.test", "kind": "STAFF", "roles": ["NURSE"], "idempotencyKey": key() } });
    let query = "query ($id: ID!) { made: user(id: $id) { id createdAt updatedAt lastLoginAt } }";
    setup.first_answer_is_the_last(&admin, user, input, query).await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let sign_in =
        "mutation ($email: String!, $password: String!) { done: signIn(input: { email: $email, password: $password }) {
        made: user { id createdAt updatedAt lastLoginAt } } }";
    let variables = json!({ "email": "nurse@example.test", "password": PASSWORD });
    setup.first_answer_is_the_last(&admin, sign_in, variables, query).await;
}

#[tokio::test]
async fn strange_years_and_forged_cursors_are_refused_with_a_code_and_the_argument() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let born = "mutation ($date: Date) { createPatient(input: { name: { family: \"Doe\", given: [] }, gender: MALE, birthDate: $date }) { userErrors { code } } }";
    for date in ["-999-01-01", "-9999-01-01", "0000-01-01", "+262142-01-01"] {
        let answer = clerk.ask(born, json!({ "date": date })).await;
        assert_eq!(answer.codes().len(), 1, "{date}");
        assert!(!answer.codes().contains(&"INTERNAL_SERVER_ERROR".to_owned()), "{date}: {}", answer.body);
    }
    let since = "query ($at: DateTime) { patients(filter: { updatedSince: $at }) { nodes { id } } }";
    for at in ["-9999-01-01T00:00:00Z", "+262142-01-01T00:00:00Z", "0000-01-01T00:00:00Z"] {
        let answer = clerk.ask(since, json!({ "at": at })).await;
        assert!(
            !answer.codes().is_empty() && !answer.codes().contains(&"INTERNAL_SERVER_ERROR".to_owned()),
            "{at}: {}",
            answer.body
        );
    }
    let list = "query ($after: String, $by: PatientOrder!) { patients(after: $after, orderBy: $by) { nodes { id } } }";
    let (now, id) = ("2026-01-01T00:00:00Z", Uuid::nil());
    for (order, kind) in [("FAMILY_NAME_ASC", "patient-name"), ("UPDATED_AT_DESC", "patient-updated")] {
        for (name, at) in
            [("D\0oe", now), ("\u{1b}", now), ("Doe", "-9999-01-01T00:00:00Z"), ("Doe", "+262142-01-01T00:00:00Z")]
        {
            let key = json!([kind, { "name": name, "updated_at": at, "id": id }]).to_string();
            let answer = clerk.ask(list, json!({ "after": URL_SAFE_NO_PAD.encode(key), "by": order })).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{order} {name:?} {at}: {}", answer.body);
        }
    }
}
