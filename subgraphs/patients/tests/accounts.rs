//! Accounts, sessions and what ends them, over HTTP on a real database.

mod setup;

use chrono::Utc;
use healthbridge_patients::forget_old;
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{CREATE, PASSWORD, REFRESH, SIGN_IN, create, input, setup};
use uuid::Uuid;

#[tokio::test]
async fn an_account_says_what_it_may_do_and_what_it_does_not_say_is_refused() {
    let setup = setup().await;
    for (role, may, may_not) in [
        (Role::Clerk, "PATIENT_CREATE", "USER_CREATE"),
        (Role::Clerk, "BILLING_REFUND", "REPORT_SIGN"),
        (Role::Admin, "USER_CREATE", "PATIENT_EXPORT"),
        (Role::Radiologist, "REPORT_SIGN", "PATIENT_CREATE"),
        (Role::Auditor, "RECORDS_AUDIT", "USER_UPDATE"),
    ] {
        let email = format!("{}.{}@example.test", role.to_string().to_lowercase(), may.to_lowercase());
        setup.add_account(&email, role).await;
        let token = setup.sign_in(&email).await["accessToken"].as_str().expect("a token").to_owned();
        let client = setup.anonymous.with_token(token);
        let me = client.data("{ me { scopes permissions } }", Value::Null).await["me"].clone();
        let permissions = me["permissions"].as_array().expect("permissions");
        assert!(permissions.contains(&json!(may)) && !permissions.contains(&json!(may_not)), "{role}: {me}");
        // One mutation whose button a frontend shows or hides by it.
        let refused = client.ask(CREATE, json!({ "input": input("Button") })).await.codes();
        let is_shown = permissions.contains(&json!("PATIENT_CREATE"));
        assert_eq!(refused.is_empty(), is_shown, "{role}: {refused:?}");
        assert!(me["scopes"].as_array().is_some_and(|scopes| scopes.len() == permissions.len()), "{role}: {me}");
    }
}

#[tokio::test]
async fn a_refresh_token_works_once_and_a_second_use_ends_the_family() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let first = setup.sign_in("nurse@example.test").await["refreshToken"].clone();
    let second =
        setup.anonymous.data(REFRESH, json!({ "token": first })).await["refreshSession"]["refreshToken"].clone();
    assert!(second.is_string() && second != first);
    let third =
        setup.anonymous.data(REFRESH, json!({ "token": second })).await["refreshSession"]["refreshToken"].clone();
    assert!(setup.revocations().await.is_empty());
    let reused = setup.anonymous.ask(REFRESH, json!({ "token": first })).await;
    assert_eq!(
        (reused.refusals("refreshSession"), setup.revocations().await.len()),
        (vec!["NOT_ALLOWED".to_owned()], 1)
    );
    for dead in [third, second, json!("nonsense")] {
        assert_eq!(setup.anonymous.ask(REFRESH, json!({ "token": dead })).await.body, reused.body);
    }
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM patients.refresh_token")
        .fetch_all(&setup.database.pool)
        .await
        .expect("rows");
    assert!(stored.iter().all(|hash| hash.len() == 32), "only digests are kept");
}

#[tokio::test]
async fn a_deactivated_account_neither_refreshes_nor_signs_in_until_it_is_activated() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let signed_in = setup.sign_in("nurse@example.test").await;
    let admin = setup.as_role(Role::Admin);
    let change = |name: &str| {
        format!(
            "mutation ($id: ID!, $version: Int) {{ {name}(input: {{ userId: $id, reason: \"a test\",
        expectedVersion: $version }}) {{ user {{ active version }} userErrors {{ code }} }} }}"
        )
    };
    let id = &signed_in["user"]["id"];
    let stale = admin.ask(&change("deactivateUser"), json!({ "id": id, "version": 7 })).await;
    assert_eq!(stale.refusals("deactivateUser"), ["VERSION_CONFLICT"]);
    let data = admin.data(&change("deactivateUser"), json!({ "id": id, "version": 1 })).await;
    assert_eq!(data["deactivateUser"]["user"], json!({ "active": false, "version": 2 }));
    assert_eq!(setup.revocations().await.len(), 2, "the session and the account's older tokens");
    let refresh = setup.anonymous.ask(REFRESH, json!({ "token": signed_in["refreshToken"] })).await;
    assert_eq!(refresh.refusals("refreshSession"), ["NOT_ALLOWED"]);
    assert!(setup.sign_in("nurse@example.test").await["accessToken"].is_null());
    admin.data(&change("activateUser"), json!({ "id": id })).await;
    assert!(setup.sign_in("nurse@example.test").await["accessToken"].is_string());
    let nurse = setup.as_role(Role::Nurse).ask(&change("deactivateUser"), json!({ "id": id })).await;
    assert_eq!(nurse.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn a_registered_patient_sees_nothing_until_staff_link_the_account() {
    let setup = setup().await;
    let register =
        "mutation ($email: String!, $password: String!, $kind: UserKind!) { registerUser(input: { email: $email,
        password: $password, kind: $kind }) { user { id roles } userErrors { code } } }";
    let ask = async |email: &str, password: &str, kind: &str| {
        let variables = json!({ "email": email, "password": password, "kind": kind });
        setup.anonymous.ask(register, variables).await
    };
    assert_eq!(ask("me@example.test", "password", "PATIENT").await.refusals("registerUser"), ["OUT_OF_RANGE"]);
    assert_eq!(ask("me", PASSWORD, "PATIENT").await.refusals("registerUser"), ["INVALID_FORMAT"]);
    assert_eq!(ask("me@example.test", PASSWORD, "STAFF").await.refusals("registerUser"), ["NOT_ALLOWED"]);
    let made = ask("me@example.test", PASSWORD, "PATIENT").await.body["data"]["registerUser"]["user"].clone();
    assert_eq!(made["roles"], json!(["PATIENT"]));
    assert_eq!(ask("ME@example.test", PASSWORD, "PATIENT").await.refusals("registerUser"), ["ALREADY_EXISTS"]);
    let clerk = setup.as_role(Role::Clerk);
    let patient = create(&clerk, "Mine").await;
    let query = "query ($id: ID!) { patient(id: $id) { id } }";
    let before =
        setup.anonymous.with_token(setup.sign_in("me@example.test").await["accessToken"].as_str().expect("a token"));
    assert_eq!(before.data(query, json!({ "id": patient })).await["patient"], Value::Null);
    let link =
        "mutation ($user: ID!, $patient: ID!) { linkPatientAccount(input: { userId: $user, patientId: $patient }) {
        user { id } userErrors { code } } }";
    let absent = clerk.ask(link, json!({ "user": made["id"], "patient": Uuid::now_v7() })).await;
    assert_eq!(absent.refusals("linkPatientAccount"), ["NOT_FOUND"]);
    clerk.data(link, json!({ "user": made["id"], "patient": patient })).await;
    let after =
        setup.anonymous.with_token(setup.sign_in("me@example.test").await["accessToken"].as_str().expect("a token"));
    assert_eq!(after.data(query, json!({ "id": patient })).await["patient"]["id"], json!(patient));
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions_and_keeps_the_own_one() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let (own, other) = (setup.sign_in("nurse@example.test").await, setup.sign_in("nurse@example.test").await);
    let nurse = setup.anonymous.with_token(own["accessToken"].as_str().expect("a token"));
    let change = "mutation ($current: String!, $new: String!) { changePassword(input: { currentPassword: $current, newPassword: $new }) {
        user { id } userErrors { code field } } }";
    let wrong = nurse.ask(change, json!({ "current": "wrong", "new": "another quite unguessable phrase" })).await;
    assert_eq!(wrong.refusals("changePassword"), ["NOT_ALLOWED"]);
    let weak = nurse.ask(change, json!({ "current": PASSWORD, "new": "nurse@example.test" })).await;
    assert_eq!(weak.refusals("changePassword"), ["OUT_OF_RANGE"]);
    nurse.data(change, json!({ "current": PASSWORD, "new": "another quite unguessable phrase" })).await;
    let refresh = async |session: &Value| {
        setup.anonymous.ask(REFRESH, json!({ "token": session["refreshToken"] })).await.refusals("refreshSession")
    };
    assert_eq!((refresh(&own).await, refresh(&other).await), (vec![], vec!["NOT_ALLOWED".to_owned()]));
    assert!(setup.sign_in("nurse@example.test").await["accessToken"].is_null(), "the old password is gone");
    assert!(!setup.anonymous.ask(change, json!({ "current": "x", "new": "y" })).await.codes().is_empty());
}

#[tokio::test]
async fn roles_are_set_by_an_administrator_and_never_ones_own() {
    let setup = setup().await;
    setup.add_account("admin@example.test", Role::Admin).await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let (admin, nurse) = (setup.sign_in("admin@example.test").await, setup.sign_in("nurse@example.test").await);
    let caller = setup.anonymous.with_token(admin["accessToken"].as_str().expect("a token"));
    let set = "mutation ($id: ID!) { setUserRoles(input: { userId: $id, roles: [NURSE, CLERK], expectedVersion: 1 }) {
        user { roles } userErrors { code } } }";
    let data = caller.data(set, json!({ "id": nurse["user"]["id"] })).await;
    assert_eq!(data["setUserRoles"]["user"]["roles"], json!(["NURSE", "CLERK"]));
    assert_eq!(caller.ask(set, json!({ "id": admin["user"]["id"] })).await.refusals("setUserRoles"), ["NOT_ALLOWED"]);
    assert_eq!(setup.revocations().await.len(), 1);
    // The session goes on: its next tokens have the new roles.
    let next = setup.anonymous.data(REFRESH, json!({ "token": nurse["refreshToken"] })).await;
    let nurse = setup.anonymous.with_token(next["refreshSession"]["accessToken"].as_str().expect("a token"));
    create(&nurse, "By a clerk").await;
}

#[tokio::test]
async fn guessing_is_slowed_down_for_known_and_unknown_accounts_alike_and_a_success_forgets_it() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let try_in = async |email: &str, password: &str| {
        let answer = setup.anonymous.ask(SIGN_IN, json!({ "email": email, "password": password })).await;
        assert!(answer.body["data"]["signIn"]["userErrors"].is_array(), "{}", answer.body);
        answer.body["data"]["signIn"]["accessToken"].is_string()
    };
    for _ in 0..4 {
        assert!(!try_in("nurse@example.test", "wrong").await);
    }
    assert!(try_in("nurse@example.test", PASSWORD).await, "four mistakes are forgiven");
    for email in ["nurse@example.test", "nobody@example.test"] {
        let attempts: Vec<_> = (0..40)
            .map(|_| {
                let (client, email) = (setup.anonymous.clone(), email.to_owned());
                tokio::spawn(async move { client.ask(SIGN_IN, json!({ "email": email, "password": "wrong" })).await })
            })
            .collect();
        for attempt in attempts {
            assert_eq!(attempt.await.expect("answered").refusals("signIn"), ["NOT_ALLOWED"]);
        }
    }
    let rows: Vec<(i32, bool)> = sqlx::query_as(
        "SELECT attempts, blocked_until <= last_at + interval '60 seconds' FROM patients.sign_in_attempt
         WHERE blocked_until > last_at",
    )
    .fetch_all(&setup.database.pool)
    .await
    .expect("rows");
    let closed = rows.iter().filter(|(attempts, _)| *attempts == 6).count();
    assert_eq!(
        (closed, rows.len()),
        (2, 2),
        "the sixth attempt from an address closes the door of each account: {rows:?}"
    );
    assert!(rows.iter().all(|(_, is_short)| *is_short), "nobody waits longer than a minute");
    let longer = "UPDATE patients.sign_in_attempt SET blocked_until = blocked_until + interval '1 minute'
                  WHERE blocked_until > last_at";
    sqlx::query(longer).execute(&setup.database.pool).await.expect("a wait that a slow machine does not outlast");
    assert!(!try_in("nurse@example.test", PASSWORD).await, "blocked, even with the right password");
    let later = "UPDATE patients.sign_in_attempt SET blocked_until = last_at, last_at = last_at - interval '1 minute'";
    sqlx::query(later).execute(&setup.database.pool).await.expect("a minute has passed");
    assert!(try_in("nurse@example.test", PASSWORD).await, "the wait is over");
}

#[tokio::test]
async fn an_administrator_adds_staff_who_are_listed_and_linked_to_their_account_once() {
    let setup = setup().await;
    setup.add_account("doc@example.test", Role::Doctor).await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let admin = setup.as_role(Role::Admin);
    let users = "query ($filter: UserFilter) { users(first: 10, filter: $filter) { nodes { id email } pageInfo { hasNextPage } } }";
    let found =
        admin.data(users, json!({ "filter": { "role": "DOCTOR", "search": "DOC" } })).await["users"]["nodes"].clone();
    assert_eq!((found.as_array().map(Vec::len), &found[0]["email"]), (Some(1), &json!("doc@example.test")));
    let create =
        "mutation ($user: ID, $family: String!) { createStaffMember(input: { profession: RADIOLOGIST, userId: $user,
        department: \"Radiology\", name: { family: $family, given: [\"Marie\"] } }) {
        staffMember { id profession } userErrors { code field } } }";
    let made = admin.data(create, json!({ "user": found[0]["id"], "family": "Curie" })).await;
    assert_eq!(made["createStaffMember"]["staffMember"]["profession"], json!("RADIOLOGIST"));
    let again = admin.ask(create, json!({ "user": found[0]["id"], "family": "Twice" })).await;
    assert_eq!(again.refusals("createStaffMember"), ["ALREADY_EXISTS"]);
    assert_eq!(
        admin.ask(create, json!({ "user": "x", "family": "Nobody" })).await.refusals("createStaffMember"),
        ["NOT_FOUND"]
    );
    assert_eq!(admin.ask(create, json!({ "family": " " })).await.refusals("createStaffMember"), ["REQUIRED"]);
    let staff = "{ staff(filter: { search: \"cur\", department: \"Radiology\" }) { nodes { name { family } } } all: staff { nodes { id } } }";
    let listed = admin.data(staff, Value::Null).await;
    assert_eq!(listed["staff"]["nodes"], json!([{ "name": { "family": "Curie" } }]));
    assert_eq!(listed["all"]["nodes"].as_array().map(Vec::len), Some(1), "a refused member is not half added");
    let nurse = setup.as_role(Role::Nurse);
    assert_eq!(nurse.ask(create, json!({ "family": "No" })).await.codes(), ["FORBIDDEN"]);
    assert_eq!(nurse.ask(users, Value::Null).await.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn what_nobody_can_use_any_more_is_removed_and_the_rest_stays() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    setup.anonymous.ask(SIGN_IN, json!({ "email": "nobody@example.test", "password": "wrong" })).await;
    forget_old(&setup.database.pool, Utc::now()).await.expect("cleaned up");
    let next = setup.anonymous.data(REFRESH, json!({ "token": session["refreshToken"] })).await;
    assert!(next["refreshSession"]["accessToken"].is_string(), "a session in use stays");
    setup.anonymous.data(REFRESH, json!({ "token": next["refreshSession"]["refreshToken"] })).await;
    setup.anonymous.ask(REFRESH, json!({ "token": session["refreshToken"] })).await;
    assert_eq!(setup.revocations().await.len(), 1);
    forget_old(&setup.database.pool, Utc::now() + chrono::Duration::days(60)).await.expect("cleaned up");
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM patients.refresh_token) + (SELECT count(*) FROM patients.session)
              + (SELECT count(*) FROM patients.revocation) + (SELECT count(*) FROM patients.sign_in_attempt)",
    )
    .fetch_one(&setup.database.pool)
    .await
    .expect("a count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_account_of_a_member_of_the_staff_who_is_a_patient_too_is_found_from_either() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let (patient, staff) = (create(&admin, "House").await, setup.add_staff().await);
    setup.add_account("house@example.test", Role::Doctor).await;
    let link = sqlx::query("UPDATE patients.account SET patient_id = $1, staff_id = $2").bind(patient).bind(staff);
    link.execute(&setup.database.pool).await.expect("linked");
    let both = "query ($patient: ID!, $staff: ID!) {
        patient(id: $patient) { user { email } } staffMember(id: $staff) { user { email } } }";
    let found = admin.data(both, json!({ "patient": patient, "staff": staff })).await;
    let user = json!({ "user": { "email": "house@example.test" } });
    assert_eq!(found, json!({ "patient": user, "staffMember": user }));
}
