//! What happens at once: sign-ins, refreshes and what ends them, by many clients on a real database.

mod setup;

use std::ops::Range;

use futures::future::join_all;
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{PASSWORD, REFRESH, SIGN_IN, Setup, setup};
use tokio::task::JoinHandle;

const DEACTIVATE: &str = "mutation ($id: ID!) { deactivateUser(input: { userId: $id, reason: \"a test\" }) {
    user { active } userErrors { code } } }";
const ACTIVATE: &str = "mutation ($id: ID!) { activateUser(input: { userId: $id, reason: \"a test\" }) {
    user { active } userErrors { code } } }";
const RESET: &str = "mutation ($id: ID!) { resetUserPassword(input: { userId: $id }) { oneTimeToken } }";
const COMPLETE: &str = "mutation ($token: String!, $password: String!) {
    completePasswordReset(input: { token: $token, newPassword: $password }) { user { id } userErrors { code field } } }";
const CHANGE_PASSWORD: &str = "mutation ($current: String!, $new: String!) {
    changePassword(input: { currentPassword: $current, newPassword: $new }) { user { id } userErrors { code field } } }";
const SET_ROLES: &str = "mutation ($id: ID!, $version: Int!) {
    setUserRoles(input: { userId: $id, roles: [CLERK], expectedVersion: $version }) { user { roles } userErrors { code } } }";

const OTHER_PASSWORD: &str = "another quite unguessable phrase";

impl Setup {
    /// Sign-ins with the right password, each from an address of its own, that wait for Argon2.
    async fn waiting_sign_ins(&self, email: &'static str, addresses: Range<u8>) -> Vec<JoinHandle<Value>> {
        let (before, count) = (self.attempts().await, addresses.len());
        let sign_in = |number: u8| {
            let client = self.anonymous.from_address(format!("203.0.113.{number}"));
            tokio::spawn(async move {
                let answer = client.ask(SIGN_IN, json!({ "email": email, "password": PASSWORD })).await;
                assert!(answer.codes().is_empty(), "{}", answer.body);
                answer.body["data"]["signIn"].clone()
            })
        };
        let sign_ins = addresses.map(sign_in).collect();
        // An attempt is counted before the password is looked at: the last of them are far from their turn then.
        while self.attempts().await < before + i64::try_from(count).expect("few") {
            tokio::task::yield_now().await;
        }
        sign_ins
    }

    async fn attempts(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM patients.sign_in_attempt");
        count.fetch_one(&self.database.pool).await.expect("a count")
    }

    async fn open_sessions(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM patients.session WHERE ended_at IS NULL");
        count.fetch_one(&self.database.pool).await.expect("a count")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_waits_for_its_turn_gets_no_token_once_the_account_is_deactivated() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let id = setup.sign_in("nurse@example.test").await["user"]["id"].clone();
    let waiting = setup.waiting_sign_ins("nurse@example.test", 1..25).await;
    let done = setup.as_role(Role::Admin).data(DEACTIVATE, json!({ "id": id })).await;
    assert_eq!(done["deactivateUser"]["user"]["active"], json!(false));
    let answers = join_all(waiting).await;
    let let_in = answers.iter().filter(|answer| answer.as_ref().expect("answered")["accessToken"].is_string()).count();
    assert!(let_in < 24, "none waited while the account was deactivated");
    assert_eq!(setup.open_sessions().await, 0, "every session that was made has ended, and with it its tokens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_a_password_that_is_reset_or_changed_meanwhile_gets_no_token() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    let reset = setup.as_role(Role::Admin).data(RESET, json!({ "id": session["user"]["id"] })).await;
    let token = &reset["resetUserPassword"]["oneTimeToken"];
    // The new password's hash waits in the same line: behind some others', and before the sign-ins.
    let others = setup.waiting_sign_ins("nobody@example.test", 1..8).await;
    let complete = {
        let (client, token) = (setup.anonymous.clone(), token.clone());
        tokio::spawn(async move { client.ask(COMPLETE, json!({ "token": token, "password": OTHER_PASSWORD })).await })
    };
    let waiting = setup.waiting_sign_ins("nurse@example.test", 8..24).await;
    let done = complete.await.expect("answered");
    assert!(done.refusals("completePasswordReset").is_empty(), "{}", done.body);
    let after_reset = setup.open_sessions().await;
    join_all(others).await;
    for answer in join_all(waiting).await {
        answer.expect("answered");
    }
    assert_eq!((after_reset, setup.open_sessions().await), (0, 0), "nobody is in by the old password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_of_a_password_by_the_same_old_one_do_not_both_succeed() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    let nurse = setup.anonymous.with_token(session["accessToken"].as_str().expect("a token"));
    let change = |number: usize| {
        let nurse = nurse.clone();
        let variables = json!({ "current": PASSWORD, "new": format!("{number} quite unguessable phrases") });
        async move { nurse.ask(CHANGE_PASSWORD, variables).await.refusals("changePassword") }
    };
    let answers = join_all((0..5).map(change)).await;
    assert_eq!(answers.iter().filter(|refusals| refusals.is_empty()).count(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivation_among_many_refreshes_sign_ins_and_sign_outs_wins_without_a_deadlock() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let admin = setup.as_role(Role::Admin);
    let id = setup.sign_in("nurse@example.test").await["user"]["id"].clone();
    for round in 0..6 {
        let mut sessions = Vec::new();
        for _ in 0..10 {
            sessions.push(setup.sign_in("nurse@example.test").await);
        }
        let refresh = |session: &Value| {
            let (client, token) = (setup.anonymous.clone(), session["refreshToken"].clone());
            tokio::spawn(async move { client.ask(REFRESH, json!({ "token": token })).await })
        };
        let sign_out = |session: &Value| {
            let client = setup.anonymous.with_token(session["accessToken"].as_str().expect("a token"));
            tokio::spawn(async move { client.ask("mutation { signOut { ok } }", Value::Null).await })
        };
        let mut busy: Vec<_> = sessions[..8].iter().chain(&sessions[..8]).map(refresh).collect();
        busy.extend(sessions[8..].iter().map(sign_out));
        busy.push({
            let (admin, id) = (admin.clone(), id.clone());
            tokio::spawn(async move { admin.ask(SET_ROLES, json!({ "id": id, "version": 1 })).await })
        });
        let done = admin.ask(DEACTIVATE, json!({ "id": id })).await;
        assert_eq!(done.body["data"]["deactivateUser"]["user"]["active"], json!(false), "round {round}: {}", done.body);
        for answer in join_all(busy).await {
            let answer = answer.expect("answered");
            assert!(answer.codes().is_empty(), "round {round}: {}", answer.body);
        }
        assert_eq!(setup.open_sessions().await, 0, "round {round}: nobody is left");
        admin.data(ACTIVATE, json!({ "id": id })).await;
    }
    assert_eq!(setup.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_refresh_one_token_at_once_get_the_same_successor() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let token = setup.sign_in("nurse@example.test").await["refreshToken"].clone();
    let refresh = |_| {
        let (client, token) = (setup.anonymous.clone(), token.clone());
        async move { client.data(REFRESH, json!({ "token": token })).await["refreshSession"].clone() }
    };
    let answers = join_all((0..12).map(refresh)).await;
    let successor = &answers[0]["refreshToken"];
    assert!(successor.is_string());
    for answer in &answers {
        assert_eq!(&answer["refreshToken"], successor, "{answer}");
        assert!(answer["accessToken"].is_string());
    }
    let tokens: i64 = sqlx::query_scalar("SELECT count(*) FROM patients.refresh_token")
        .fetch_one(&setup.database.pool)
        .await
        .expect("a count");
    assert_eq!((tokens, setup.revocations().await.len()), (2, 0), "the first one and its only successor");
    let next = setup.anonymous.data(REFRESH, json!({ "token": successor })).await;
    assert!(next["refreshSession"]["accessToken"].is_string(), "the session goes on");
}

#[tokio::test]
async fn an_old_refresh_token_gives_its_successor_for_twenty_seconds_if_nobody_used_that() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let refresh = async |token: &Value| {
        setup.anonymous.data(REFRESH, json!({ "token": token })).await["refreshSession"]["refreshToken"].clone()
    };
    let pass = async |seconds: f64| {
        let later = "UPDATE patients.refresh_token SET used_at = used_at - make_interval(secs => $1)";
        sqlx::query(later).bind(seconds).execute(&setup.database.pool).await.expect("time has passed");
    };
    let first = setup.sign_in("nurse@example.test").await["refreshToken"].clone();
    let second = refresh(&first).await;
    pass(15.0).await;
    assert_eq!(refresh(&first).await, second, "its answer was lost, say");
    pass(6.0).await;
    assert_eq!((refresh(&first).await, setup.revocations().await.len()), (Value::Null, 1), "stolen: the family ends");
    assert_eq!(refresh(&second).await, Value::Null);

    let first = setup.sign_in("nurse@example.test").await["refreshToken"].clone();
    let second = refresh(&first).await;
    let third = refresh(&second).await;
    assert_eq!(refresh(&first).await, Value::Null, "its successor was used: the family ends");
    assert_eq!((refresh(&third).await, setup.revocations().await.len()), (Value::Null, 2));

    let session = setup.sign_in("nurse@example.test").await;
    let second = refresh(&session["refreshToken"]).await;
    let nurse = setup.anonymous.with_token(session["accessToken"].as_str().expect("a token"));
    nurse.data("mutation { signOut { ok } }", Value::Null).await;
    assert_eq!((refresh(&session["refreshToken"]).await, refresh(&second).await), (Value::Null, Value::Null));
}
