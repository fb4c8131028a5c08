//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.

mod setup;

use futures::future::join_all;
use healthbridge_auth::{ForeignIssuers, ForeignSettings};
use healthbridge_rights::Role;
use healthbridge_testkit::{Mutations, TestDatabase, TestIssuer};
use serde_json::{Value, json};
use setup::{PASSWORD, Setup, setup_by};
use uuid::Uuid;

const OTHER_PASSWORD: &str = "another quite unguessable phrase";

async fn on_one_connection() -> (Setup, TestIssuer) {
    let issuer = TestIssuer::start().await;
    let settings: ForeignSettings = serde_json::from_value(json!({
        "issuer": issuer.url, "jwks_url": issuer.jwks_url(), "audience": "healthbridge-web", "roles": { "nurse": "NURSE" },
        "patient_claim": "mrn",
    }))
    .expect("settings");
    let foreign = ForeignIssuers::new(vec![settings]).expect("issuers");
    (setup_by(TestDatabase::only_connection, foreign).await, issuer)
}

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_so_does_its_second_sending() {
    let (setup, issuer) = on_one_connection().await;
    let anonymous = &setup.anonymous;
    let (admin, clerk) = (setup.as_role(Role::Admin), setup.as_role(Role::Clerk));
    let mut runs = Mutations::of(&admin).await;
    let key = Uuid::new_v4;

    let patient = json!({ "name": { "family": "Lovelace", "given": [] }, "gender": "FEMALE", "idempotencyKey": key() });
    let made = runs.run_twice(&clerk, "createPatient", patient, "patient { id mrn }").await;
    let patient = made["patient"].clone();
    let staff = runs
        .run(
            &admin,
            "createUser",
            json!({ "email": "doc@example.test", "kind": "STAFF", "roles": ["DOCTOR"] }),
            "user { id } oneTimeToken",
        )
        .await;
    let complete = json!({ "token": staff["oneTimeToken"], "newPassword": PASSWORD });
    runs.run(anonymous, "completePasswordReset", complete, "user { id }").await;
    let member = json!({ "name": { "family": "House", "given": [] }, "profession": "PHYSICIAN", "userId": staff["user"]["id"],
        "idempotencyKey": key() });
    let made = runs.run_twice(&admin, "createStaffMember", member, "staffMember { id }").await;
    let update = json!({ "staffId": made["staffMember"]["id"], "expectedVersion": 1, "department": "Radiology" });
    runs.run(&admin, "updateStaffMember", update, "staffMember { id }").await;
    let update = json!({ "patientId": patient["id"], "expectedVersion": 1, "active": false,
        "generalPractitionerId": made["staffMember"]["id"] });
    runs.run(&clerk, "updatePatient", update, "patient { id }").await;

    let register =
        json!({ "email": "me@example.test", "password": PASSWORD, "kind": "PATIENT", "idempotencyKey": key() });
    let me = runs.run_twice(anonymous, "registerUser", register, "user { id }").await;
    let link = json!({ "userId": me["user"]["id"], "patientId": patient["id"] });
    runs.run(&clerk, "linkPatientAccount", link, "user { id }").await;

    let sign_in = json!({ "email": "doc@example.test", "password": PASSWORD });
    let session = runs.run(anonymous, "signIn", sign_in, "accessToken refreshToken").await;
    let refresh = json!({ "refreshToken": session["refreshToken"] });
    runs.run_twice(anonymous, "refreshSession", refresh, "refreshToken").await;
    let doctor = anonymous.with_token(session["accessToken"].as_str().expect("a token"));
    runs.run(&doctor, "reauthenticate", json!({ "password": PASSWORD }), "reauthToken").await;
    let begun = runs.run(&doctor, "beginTotp", Value::Null, "url").await;
    let totp = totp_rs::TOTP::from_url(begun["url"].as_str().expect("a URL")).expect("the URL");
    let code = json!({ "code": totp.generate_current().expect("a code") });
    runs.run(&doctor, "confirmTotp", code, "user { totpEnabled }").await;
    runs.run(&doctor, "disableTotp", json!({ "password": PASSWORD }), "user { totpEnabled }").await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD });
    runs.run(&doctor, "changePassword", change, "user { id }").await;
    runs.run(&doctor, "signOut", Value::Null, "ok").await;

    let id = &staff["user"]["id"];
    runs.run(&admin, "setUserRoles", json!({ "userId": id, "roles": ["NURSE"], "expectedVersion": 6 }), "user { id }")
        .await;
    runs.run(&admin, "resetUserPassword", json!({ "userId": id }), "oneTimeToken").await;
    runs.run(&admin, "deactivateUser", json!({ "userId": id, "reason": "x" }), "user { id }").await;
    runs.run(&admin, "activateUser", json!({ "userId": id, "reason": "x" }), "user { id }").await;

    // Ten at once, who all wait for the one connection and for nothing else.
    let tokens = (0..10).map(|number| {
        let mut claims = issuer.claims(&format!("u{number}"), "healthbridge-web");
        claims["roles"] = json!(["nurse"]);
        json!({ "token": issuer.sign(&claims) })
    });
    join_all(tokens.map(|token| runs.ask(anonymous, "signInWithToken", token, "accessToken"))).await;
    let mut claims = issuer.claims("p1", "healthbridge-web");
    let other = json!({ "name": { "family": "Byron", "given": [] }, "gender": "FEMALE" });
    let other = runs.run(&clerk, "createPatient", other, "patient { mrn }").await;
    claims["mrn"] = other["patient"]["mrn"].clone();
    let own = json!({ "token": issuer.sign(&claims) });
    runs.run(anonymous, "signInWithToken", own, "user { profile { ... on Patient { id } } }").await;

    runs.assert_all();
}
