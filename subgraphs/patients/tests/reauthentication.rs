//! Asking a person again: what proves it, and what a stolen access token is not enough for. Over HTTP on a real database.

mod setup;

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::Utc;
use healthbridge_auth::{ForeignIssuers, ForeignSettings, RevocationFeed, Verifier};
use healthbridge_rights::{Account, Role};
use healthbridge_testkit::{Answer, Client, TestIssuer};
use serde_json::{Value, json};
use setup::{PASSWORD, Setup, setup, setup_by};
use totp_rs::TOTP;

const REAUTHENTICATE: &str = "mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) {
    reauthToken expiresAt userErrors { code field } } }";
const CHANGE_PASSWORD: &str = "mutation ($current: String!, $new: String!) {
    changePassword(input: { currentPassword: $current, newPassword: $new }) { userErrors { code } } }";

/// Somebody who is signed in.
struct Person {
    client: Client,
    account: Account,
    id: Value,
}

impl Person {
    async fn of(setup: &Setup, session: &Value) -> Self {
        let token = session["accessToken"].as_str().expect("signed in");
        let account = setup.tokens.verifier().verify(token).await.expect("a valid token");
        Self { client: setup.anonymous.with_token(token), account, id: session["user"]["id"].clone() }
    }

    async fn ask(&self, input: Value) -> Answer {
        self.client.ask(REAUTHENTICATE, json!({ "input": input })).await
    }

    async fn refused(&self, input: Value) -> (String, String) {
        let answer = self.ask(input).await;
        let given = &answer.body["data"]["reauthenticate"];
        assert_eq!((&given["reauthToken"], &given["expiresAt"]), (&Value::Null, &Value::Null), "{}", answer.body);
        let error = &given["userErrors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&error["code"]), text(&error["field"][1]))
    }

    async fn proof(&self, input: Value) -> String {
        let answer = self.ask(input).await;
        let token = answer.body["data"]["reauthenticate"]["reauthToken"].as_str();
        token.unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
    }
}

fn not_allowed(field: &str) -> (String, String) {
    ("NOT_ALLOWED".to_owned(), field.to_owned())
}

fn required(field: &str) -> (String, String) {
    ("REQUIRED".to_owned(), field.to_owned())
}

async fn nurse(setup: &Setup) -> Person {
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    Person::of(setup, &session).await
}

/// The verifier of another part, which has heard what was revoked.
async fn up_to_date(setup: &Setup) -> Verifier {
    let verifier = setup.tokens.verifier();
    let feed = reqwest::get(format!("{}/revocations?after=0", setup.url)).await.expect("the feed");
    verifier.revocations().learn(feed.json::<RevocationFeed>().await.expect("JSON"));
    verifier
}

#[tokio::test]
async fn the_password_proves_it_for_this_session_and_the_proof_gives_no_access() {
    let setup = setup().await;
    let nurse = nurse(&setup).await;
    assert_eq!(nurse.refused(json!({ "password": "wrong" })).await, not_allowed("password"));
    let answer = nurse.ask(json!({ "password": PASSWORD })).await;
    let given = &answer.body["data"]["reauthenticate"];
    let (token, now) = (given["reauthToken"].as_str().expect("a proof"), Utc::now());
    let expires_at: chrono::DateTime<Utc> = given["expiresAt"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    assert!((290..=300).contains(&(expires_at - now).num_seconds()), "{expires_at}");
    let verifier = setup.tokens.verifier();
    let proven = verifier.proof(token, &nurse.account, now).await.expect("a proof");
    assert_eq!((proven.user_id, proven.session_id), (nurse.account.user_id, nurse.account.session_id));
    let session = setup.sign_in("nurse@example.test").await;
    let elsewhere = Person::of(&setup, &session).await;
    assert!(verifier.proof(token, &elsewhere.account, now).await.is_err(), "another session of the same account");
    let as_access = setup.anonymous.with_token(token).ask("{ me { id } }", Value::Null).await;
    assert_eq!(as_access.status, 401, "{}", as_access.body);
}

#[tokio::test]
async fn whoever_has_a_token_alone_proves_nothing_and_waits_after_five_guesses() {
    let setup = setup().await;
    let nurse = nurse(&setup).await;
    assert_eq!(
        setup.anonymous.ask(REAUTHENTICATE, json!({ "input": { "password": PASSWORD } })).await.codes(),
        ["UNAUTHENTICATED"]
    );
    for input in [
        json!({}),
        json!({ "password": PASSWORD, "oneTimePassword": "123456" }),
        json!({ "password": PASSWORD, "identityToken": "a.b.c" }),
    ] {
        assert_eq!(nurse.refused(input.clone()).await, required("password"), "{input}");
    }
    assert_eq!(nurse.refused(json!({ "oneTimePassword": "123456" })).await, not_allowed("oneTimePassword"));
    assert_eq!(nurse.refused(json!({ "identityToken": "a.b.c" })).await, not_allowed("identityToken"));
    for _ in 0..6 {
        assert_eq!(nurse.refused(json!({ "password": "wrong" })).await, not_allowed("password"));
    }
    assert_eq!(
        nurse.refused(json!({ "password": PASSWORD })).await,
        not_allowed("password"),
        "even the right one waits"
    );
    // An account that nobody knows is answered like a wrong password.
    let unknown = setup.as_role(Role::Doctor).ask(REAUTHENTICATE, json!({ "input": { "password": PASSWORD } })).await;
    assert_eq!(unknown.refusals("reauthenticate"), ["NOT_ALLOWED"]);
}

#[tokio::test]
async fn a_proof_ends_with_its_session_and_an_ended_session_gets_none() {
    let setup = setup().await;
    let first = nurse(&setup).await;
    let session = setup.sign_in("nurse@example.test").await;
    let second = Person::of(&setup, &session).await;
    let (of_first, of_second) =
        (first.proof(json!({ "password": PASSWORD })).await, second.proof(json!({ "password": PASSWORD })).await);
    let new = "another quite unguessable phrase";
    let changed = second.client.ask(CHANGE_PASSWORD, json!({ "current": PASSWORD, "new": new })).await;
    assert!(changed.refusals("changePassword").is_empty());
    let (verifier, now) = (up_to_date(&setup).await, Utc::now());
    assert!(verifier.proof(&of_first, &first.account, now).await.is_err(), "the other sessions ended");
    assert!(verifier.proof(&of_second, &second.account, now).await.is_ok(), "this one has just given the password");
    // Its access token is still taken here, where nobody has heard yet.
    assert_eq!(first.refused(json!({ "password": new })).await, not_allowed("password"));
    second.client.data("mutation { signOut { ok } }", Value::Null).await;
    let verifier = up_to_date(&setup).await;
    assert!(verifier.proof(&of_second, &second.account, now).await.is_err(), "signed out");
    assert_eq!(second.refused(json!({ "password": new })).await, not_allowed("password"));

    setup.add_account("clerk@example.test", Role::Clerk).await;
    let session = setup.sign_in("clerk@example.test").await;
    let clerk = Person::of(&setup, &session).await;
    let proof = clerk.proof(json!({ "password": PASSWORD })).await;
    let deactivate =
        "mutation ($id: ID!) { deactivateUser(input: { userId: $id, reason: \"x\" }) { userErrors { code } } }";
    setup.as_role(Role::Admin).data(deactivate, json!({ "id": clerk.id })).await;
    assert!(up_to_date(&setup).await.proof(&proof, &clerk.account, now).await.is_err(), "deactivated");
    assert_eq!(clerk.refused(json!({ "password": PASSWORD })).await, not_allowed("password"));
}

/// The one-time password of the last step, of this one, or of the next one.
fn code(totp: &TOTP, step: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    totp.generate(now - 30 + 30 * step)
}

#[tokio::test]
async fn a_session_that_began_with_a_one_time_password_is_asked_for_the_next_one_and_no_other_session_is() {
    let setup = setup().await;
    let thief = nurse(&setup).await;
    let begun = thief.client.data("mutation { beginTotp { url } }", Value::Null).await;
    let totp = TOTP::from_url(begun["beginTotp"]["url"].as_str().expect("a URL")).expect("the URL");
    let confirm = "mutation ($code: String!) { confirmTotp(input: { code: $code }) { userErrors { code } } }";
    let confirmed = thief.client.ask(confirm, json!({ "code": code(&totp, 0) })).await;
    assert!(confirmed.refusals("confirmTotp").is_empty());
    // With the token alone one may ask for codes of one's own; they prove nothing in the session that the token is of.
    assert_eq!(thief.refused(json!({ "oneTimePassword": code(&totp, 1) })).await, not_allowed("oneTimePassword"));
    thief.proof(json!({ "password": PASSWORD })).await;

    let sign_in = "mutation ($password: String!, $code: String!) {
        signIn(input: { email: \"nurse@example.test\", password: $password, totp: $code }) { accessToken user { id } } }";
    let session = setup.anonymous.data(sign_in, json!({ "password": PASSWORD, "code": code(&totp, 1) })).await;
    let owner = Person::of(&setup, &session["signIn"]).await;
    for password in [PASSWORD, "wrong"] {
        assert_eq!(owner.refused(json!({ "password": password })).await, required("oneTimePassword"), "{password}");
    }
    for wrong in ["000000x".to_owned(), code(&totp, 1)] {
        assert_eq!(owner.refused(json!({ "oneTimePassword": wrong })).await, not_allowed("oneTimePassword"), "used");
    }
    let next = code(&totp, 2);
    let proof = owner.proof(json!({ "oneTimePassword": next })).await;
    assert!(setup.tokens.verifier().proof(&proof, &owner.account, Utc::now()).await.is_ok());
    assert_eq!(owner.refused(json!({ "oneTimePassword": next })).await, not_allowed("oneTimePassword"), "once");
}

#[tokio::test]
async fn somebody_without_a_password_is_asked_by_the_issuer() {
    let issuer = TestIssuer::start().await;
    let settings: ForeignSettings =
        serde_json::from_value(json!({ "issuer": issuer.url, "jwks_url": issuer.jwks_url(),
        "audience": "healthbridge-web", "roles": { "physician": "DOCTOR" } }))
        .expect("settings");
    let foreign = ForeignIssuers::new(vec![settings]).expect("issuers");
    let setup = setup_by(|database| database.pool.clone(), foreign).await;
    let token = |subject: &str, asked: Option<i64>| {
        let mut claims = issuer.claims(subject, "healthbridge-web");
        claims["roles"] = json!(["physician"]);
        if let Some(seconds) = asked {
            claims["auth_time"] = json!(Utc::now().timestamp() - seconds);
        }
        json!({ "identityToken": issuer.sign(&claims) })
    };
    let exchange =
        "mutation ($token: String!) { signInWithToken(input: { token: $token }) { accessToken user { id } } }";
    let sign_in = async |subject: &str| {
        let token = token(subject, None)["identityToken"].clone();
        let session = setup.anonymous.data(exchange, json!({ "token": token })).await;
        Person::of(&setup, &session["signInWithToken"]).await
    };
    let (doctor, other) = (sign_in("doctor").await, sign_in("other").await);
    assert_eq!(doctor.refused(json!({ "password": "" })).await, not_allowed("password"));
    for asked in [None, Some(301), Some(-60)] {
        assert_eq!(doctor.refused(token("doctor", asked)).await, not_allowed("identityToken"), "{asked:?}");
    }
    assert_eq!(doctor.refused(token("other", Some(1))).await, not_allowed("identityToken"), "another person");
    assert_eq!(other.refused(token("nobody", Some(1))).await, not_allowed("identityToken"), "nobody that we know");
    let proof = doctor.proof(token("doctor", Some(60))).await;
    assert!(setup.tokens.verifier().proof(&proof, &doctor.account, Utc::now()).await.is_ok());
    doctor.client.data("mutation { signOut { ok } }", Value::Null).await;
    assert_eq!(doctor.refused(token("doctor", Some(1))).await, not_allowed("identityToken"), "the session has ended");
}
