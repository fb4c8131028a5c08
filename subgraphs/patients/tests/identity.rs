//! How people prove who they are: invitations, resets, one-time passwords, other issuers, waits. Over HTTP on a real
//! database, with a real OpenID provider's key set.

mod setup;

use std::time::{Duration, Instant};

use healthbridge_auth::{ForeignIssuers, ForeignSettings};
use healthbridge_rights::Role;
use healthbridge_testkit::TestIssuer;
use serde_json::{Value, json};
use setup::{PASSWORD, REFRESH, SIGN_IN, Setup, create, setup, setup_by};

const OTHER_PASSWORD: &str = "another quite unguessable phrase";
const CREATE_USER: &str = "mutation ($input: CreateUserInput!) { createUser(input: $input) {
    user { id email kind roles } oneTimeToken expiresAt userErrors { code field } } }";
const COMPLETE: &str = "mutation ($token: String!, $password: String!) {
    completePasswordReset(input: { token: $token, newPassword: $password }) { user { id } userErrors { code field } } }";

impl Setup {
    async fn complete(&self, token: &Value, password: &str) -> Vec<String> {
        let answer = self.anonymous.ask(COMPLETE, json!({ "token": token, "password": password })).await;
        answer.refusals("completePasswordReset")
    }

    async fn signs_in(&self, email: &str, password: &str) -> bool {
        let answer = self.anonymous.ask(SIGN_IN, json!({ "email": email, "password": password })).await;
        answer.body["data"]["signIn"]["accessToken"].is_string()
    }
}

#[tokio::test]
async fn an_invited_member_of_the_staff_sets_the_password_once_by_the_token() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let key = uuid::Uuid::new_v4();
    let input =
        json!({ "input": { "email": "New@Example.test", "kind": "STAFF", "roles": ["NURSE"], "idempotencyKey": key } });
    let token = setup.tokens.of(Role::Admin);
    let same_admin = setup.anonymous.with_token(token);
    let made = same_admin.data(CREATE_USER, input.clone()).await["createUser"].clone();
    assert_eq!(made["user"]["email"], json!("new@example.test"));
    let again = same_admin.data(CREATE_USER, input.clone()).await["createUser"].clone();
    assert_eq!((&again["user"]["id"], &again["oneTimeToken"]), (&made["user"]["id"], &Value::Null));
    assert_eq!(admin.ask(CREATE_USER, input).await.refusals("createUser"), ["ALREADY_EXISTS"]);
    assert!(!setup.signs_in("new@example.test", "").await, "without a password nobody signs in");
    let token = &made["oneTimeToken"];
    assert_eq!(setup.complete(token, "password").await, ["OUT_OF_RANGE"], "a refused password does not use it up");
    assert_eq!(setup.complete(&json!("nonsense"), PASSWORD).await, ["NOT_ALLOWED"]);
    assert!(setup.complete(token, PASSWORD).await.is_empty());
    assert_eq!(setup.complete(token, OTHER_PASSWORD).await, ["NOT_ALLOWED"], "used");
    assert!(setup.signs_in("new@example.test", PASSWORD).await);
    let nurse = setup
        .as_role(Role::Nurse)
        .ask(CREATE_USER, json!({ "input": { "email": "a@b.test", "kind": "STAFF", "roles": ["ADMIN"] } }))
        .await;
    assert_eq!(nurse.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn kinds_roles_and_scopes_of_an_invited_account_must_fit() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let cases = [
        (json!({ "email": "x", "kind": "STAFF", "roles": ["NURSE"] }), "INVALID_FORMAT"),
        (json!({ "email": "a@b.test", "kind": "STAFF", "roles": [] }), "NOT_ALLOWED"),
        (json!({ "email": "a@b.test", "kind": "STAFF", "roles": ["SERVICE"] }), "NOT_ALLOWED"),
        (json!({ "email": "a@b.test", "kind": "PATIENT", "roles": ["PATIENT", "ADMIN"] }), "NOT_ALLOWED"),
        (json!({ "email": "a@b.test", "kind": "SERVICE", "roles": ["SERVICE"] }), "NOT_ALLOWED"),
        (
            json!({ "email": "a@b.test", "kind": "STAFF", "roles": ["NURSE"], "scopes": ["system/Patient.r"] }),
            "NOT_ALLOWED",
        ),
        (
            json!({ "email": "a@b.test", "kind": "SERVICE", "roles": ["SERVICE"], "scopes": ["policy:admin"] }),
            "INVALID_FORMAT",
        ),
    ];
    for (input, code) in cases {
        let answer = admin.ask(CREATE_USER, json!({ "input": input })).await;
        assert_eq!(answer.refusals("createUser"), [code], "{input}");
    }
}

#[tokio::test]
async fn a_machine_has_exactly_the_scopes_that_it_was_made_with() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let input = json!({ "input": { "email": "pacs@services.test", "kind": "SERVICE", "roles": ["SERVICE"],
        "scopes": ["system/Patient.r", "system/Patient.s"] } });
    let made = admin.data(CREATE_USER, input).await["createUser"].clone();
    setup.complete(&made["oneTimeToken"], PASSWORD).await;
    let patient = create(&setup.as_role(Role::Clerk), "Lovelace").await;
    let machine = setup.sign_in("pacs@services.test").await;
    let machine = setup.anonymous.with_token(machine["accessToken"].as_str().expect("a token"));
    let query = "query ($id: ID!) { patient(id: $id) { id name { text } } patients { totalCount } }";
    let seen = machine.data(query, json!({ "id": patient })).await;
    assert_eq!((&seen["patient"]["id"], &seen["patients"]["totalCount"]), (&json!(patient), &json!(1)));
    let update = "mutation ($id: ID!) { updatePatient(input: { patientId: $id, expectedVersion: 1, active: false }) { userErrors { code } } }";
    assert_eq!(machine.ask(update, json!({ "id": patient })).await.codes(), ["FORBIDDEN"]);
    assert_eq!(machine.ask("{ users { nodes { id } } }", Value::Null).await.codes(), ["FORBIDDEN"]);
    let input = json!({ "input": { "email": "clerk@services.test", "kind": "SERVICE", "roles": ["SERVICE"],
        "scopes": ["system/User.c"] } });
    let maker = admin.data(CREATE_USER, input).await["createUser"].clone();
    setup.complete(&maker["oneTimeToken"], PASSWORD).await;
    let maker = setup.sign_in("clerk@services.test").await;
    let maker = setup.anonymous.with_token(maker["accessToken"].as_str().expect("a token"));
    let person =
        |role: &str| json!({ "input": { "email": format!("{role}@b.test"), "kind": "STAFF", "roles": [role] } });
    assert!(maker.ask(CREATE_USER, person("NURSE")).await.refusals("createUser").is_empty());
    assert_eq!(maker.ask(CREATE_USER, person("ADMIN")).await.refusals("createUser"), ["NOT_ALLOWED"]);
    let roles = "mutation ($id: ID!) { setUserRoles(input: { userId: $id, roles: [ADMIN], expectedVersion: 2 }) { userErrors { code } } }";
    assert_eq!(admin.ask(roles, json!({ "id": made["user"]["id"] })).await.refusals("setUserRoles"), ["NOT_ALLOWED"]);
}

#[tokio::test]
async fn a_reset_leaves_everything_until_its_token_is_used_and_then_ends_all_sessions() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    let admin = setup.as_role(Role::Admin);
    let reset =
        "mutation ($id: ID!) { resetUserPassword(input: { userId: $id }) { oneTimeToken userErrors { code } } }";
    let first =
        admin.data(reset, json!({ "id": session["user"]["id"] })).await["resetUserPassword"]["oneTimeToken"].clone();
    let second =
        admin.data(reset, json!({ "id": session["user"]["id"] })).await["resetUserPassword"]["oneTimeToken"].clone();
    assert!(setup.signs_in("nurse@example.test", PASSWORD).await);
    assert_eq!(setup.complete(&first, OTHER_PASSWORD).await, ["NOT_ALLOWED"], "the second token took its place");
    assert!(setup.complete(&second, OTHER_PASSWORD).await.is_empty());
    let refresh = setup.anonymous.ask(REFRESH, json!({ "token": session["refreshToken"] })).await;
    assert_eq!(refresh.refusals("refreshSession"), ["NOT_ALLOWED"]);
    assert_eq!(setup.revocations().await.len(), 2, "both sessions");
    assert!(
        !setup.signs_in("nurse@example.test", PASSWORD).await
            && setup.signs_in("nurse@example.test", OTHER_PASSWORD).await
    );
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM patients.one_time_token")
        .fetch_all(&setup.database.pool)
        .await
        .expect("rows");
    assert!(stored.is_empty());
    let expired =
        admin.data(reset, json!({ "id": session["user"]["id"] })).await["resetUserPassword"]["oneTimeToken"].clone();
    let past = "UPDATE patients.one_time_token SET expires_at = now() - interval '1 second'";
    sqlx::query(past).execute(&setup.database.pool).await.expect("a day has passed");
    assert_eq!(setup.complete(&expired, PASSWORD).await, ["NOT_ALLOWED"]);
    assert_eq!(
        setup.as_role(Role::Clerk).ask(reset, json!({ "id": session["user"]["id"] })).await.codes(),
        ["FORBIDDEN"]
    );
}

const WITH_CODE: &str = "mutation ($email: String!, $password: String!, $totp: String) {
    signIn(input: { email: $email, password: $password, totp: $totp }) { accessToken userErrors { code field } } }";

#[tokio::test]
async fn one_time_passwords_are_asked_for_once_confirmed_and_each_is_taken_once() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let session = setup.sign_in("nurse@example.test").await;
    let nurse = setup.anonymous.with_token(session["accessToken"].as_str().expect("a token"));
    let begun =
        nurse.data("mutation { beginTotp { secret url userErrors { code } } }", Value::Null).await["beginTotp"].clone();
    let secret = begun["secret"].as_str().expect("a secret");
    let url = begun["url"].as_str().expect("a URL");
    assert!(url.starts_with("otpauth://totp/HealthBridge:nurse%40example.test?secret="), "{url}");
    assert!(setup.signs_in("nurse@example.test", PASSWORD).await, "not confirmed: not asked for");
    let totp = totp_rs::TOTP::from_url(url).expect("the URL");
    assert_eq!(totp.get_secret_base32(), secret);
    let code = |steps: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        totp.generate(now - 30 + 30 * steps)
    };
    let confirm = "mutation ($code: String!) { confirmTotp(input: { code: $code }) { user { totpEnabled } userErrors { code } } }";
    assert_eq!(nurse.ask(confirm, json!({ "code": "000000x" })).await.refusals("confirmTotp"), ["NOT_ALLOWED"]);
    let first = code(0);
    let confirmed = nurse.data(confirm, json!({ "code": first })).await;
    assert_eq!(confirmed["confirmTotp"]["user"]["totpEnabled"], json!(true));
    let ask = async |password: &str, totp: Value| {
        let variables = json!({ "email": "nurse@example.test", "password": password, "totp": totp });
        let answer = setup.anonymous.ask(WITH_CODE, variables).await.body["data"]["signIn"].clone();
        (
            answer["accessToken"].is_string(),
            answer["userErrors"][0]["code"].clone(),
            answer["userErrors"][0]["field"][1].clone(),
        )
    };
    assert_eq!(ask(PASSWORD, Value::Null).await, (false, json!("REQUIRED"), json!("totp")));
    assert_eq!(
        ask("wrong", Value::Null).await,
        (false, json!("NOT_ALLOWED"), json!("email")),
        "the password comes first"
    );
    assert_eq!(ask(PASSWORD, json!(first)).await, (false, json!("NOT_ALLOWED"), json!("totp")), "used to confirm");
    let next = code(1);
    assert!(ask(PASSWORD, json!(next)).await.0);
    assert!(!ask(PASSWORD, json!(next)).await.0, "used");
    let stored: Vec<u8> = sqlx::query_scalar("SELECT totp_secret FROM patients.account WHERE totp_secret IS NOT NULL")
        .fetch_one(&setup.database.pool)
        .await
        .expect("a row");
    let plain = totp.secret.clone();
    assert!(!stored.windows(plain.len()).any(|window| window == plain), "the database has it encrypted only");
    // Whoever lost the device gets a one-time token that ends it.
    let reset = "mutation ($id: ID!) { resetUserPassword(input: { userId: $id, disableTotp: true }) { oneTimeToken } }";
    let token = setup.as_role(Role::Admin).data(reset, json!({ "id": session["user"]["id"] })).await;
    assert!(setup.complete(&token["resetUserPassword"]["oneTimeToken"], OTHER_PASSWORD).await.is_empty());
    assert!(setup.signs_in("nurse@example.test", OTHER_PASSWORD).await);
}

#[tokio::test]
async fn guessing_from_one_address_keeps_neither_the_owner_nor_others_elsewhere_waiting() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let from = |address: &str| {
        let (http, url, address) = (reqwest::Client::new(), setup.url.clone(), address.to_owned());
        async move |email: &str, password: &str| {
            let body = json!({ "query": SIGN_IN, "variables": { "email": email, "password": password } });
            let request = http.post(format!("{url}/graphql")).header("x-forwarded-for", &address).json(&body);
            let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
            answer["data"]["signIn"]["accessToken"].is_string()
        }
    };
    let (attacker, owner) = (from("203.0.113.9"), from("198.51.100.7"));
    for _ in 0..12 {
        assert!(!attacker("nurse@example.test", "wrong").await);
    }
    assert!(!attacker("nurse@example.test", PASSWORD).await, "the attacker waits, even with the right password");
    assert!(owner("nurse@example.test", PASSWORD).await, "the owner does not");
}

const EXCHANGE: &str = "mutation ($token: String!) { signInWithToken(input: { token: $token }) {
    accessToken refreshToken user { id email kind roles profile { ... on Patient { id } } } userErrors { code message } } }";

struct Foreign {
    issuer: TestIssuer,
    setup: Setup,
}

async fn foreign(link_by_email: bool) -> Foreign {
    let issuer = TestIssuer::start().await;
    let settings: ForeignSettings = serde_json::from_value(json!({
        "issuer": issuer.url, "jwks_url": issuer.jwks_url(), "audience": "healthbridge-web", "roles_claim": "realm_access.roles",
        "roles": { "physicians": "DOCTOR", "desk": "CLERK" }, "patient_claim": "mrn", "link_by_email": link_by_email,
    }))
    .expect("settings");
    let issuers = ForeignIssuers::new(vec![settings]).expect("issuers");
    let setup = setup_by(|database| database.pool.clone(), issuers).await;
    Foreign { issuer, setup }
}

impl Foreign {
    fn claims(&self, subject: &str, roles: &[&str]) -> Value {
        let mut claims = self.issuer.claims(subject, "healthbridge-web");
        claims["realm_access"] = json!({ "roles": roles });
        claims
    }

    async fn exchange(&self, claims: &Value) -> Value {
        let answer = self.setup.anonymous.ask(EXCHANGE, json!({ "token": self.issuer.sign(claims) })).await;
        answer.body["data"]["signInWithToken"].clone()
    }
}

#[tokio::test]
async fn people_of_another_issuer_get_our_tokens_and_follow_its_word_on_their_roles() {
    let foreign = foreign(false).await;
    let signed_in = foreign.exchange(&foreign.claims("u1", &["physicians", "offline_access"])).await;
    assert_eq!((&signed_in["user"]["roles"], &signed_in["user"]["kind"]), (&json!(["DOCTOR"]), &json!("STAFF")));
    let doctor = foreign.setup.anonymous.with_token(signed_in["accessToken"].as_str().expect("a token"));
    let me = doctor.data("{ me { id } patients { totalCount } }", Value::Null).await;
    assert_eq!(me["me"]["id"], signed_in["user"]["id"]);
    let again = foreign.exchange(&foreign.claims("u1", &["desk"])).await;
    assert_eq!((&again["user"]["id"], &again["user"]["roles"]), (&me["me"]["id"], &json!(["CLERK"])));
    let none = foreign.exchange(&foreign.claims("u1", &["visitors"])).await;
    assert_eq!((&none["accessToken"], &none["userErrors"][0]["code"]), (&Value::Null, &json!("NOT_ALLOWED")));
    let clerk = foreign.setup.anonymous.with_token(foreign.setup.tokens.of(Role::Clerk));
    let patient = create(&clerk, "Mine").await;
    let query = "query ($id: ID!) { patient(id: $id) { mrn } }";
    let mrn = clerk.data(query, json!({ "id": patient })).await["patient"]["mrn"].clone();
    let mut claims = foreign.claims("p1", &[]);
    claims["mrn"] = mrn;
    let own = foreign.exchange(&claims).await;
    assert_eq!((&own["user"]["kind"], &own["user"]["roles"]), (&json!("PATIENT"), &json!(["PATIENT"])));
    let own = foreign.setup.anonymous.with_token(own["accessToken"].as_str().expect("a token"));
    assert!(own.data(query, json!({ "id": patient })).await["patient"]["mrn"].is_string());
    claims["sub"] = json!("p2");
    assert_eq!(
        foreign.exchange(&claims).await["userErrors"][0]["code"],
        json!("NOT_ALLOWED"),
        "the record has an account"
    );
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM patients.account")
        .fetch_one(&foreign.setup.database.pool)
        .await
        .expect("a count");
    assert_eq!(made, 2, "who is refused gets no account");
}

#[tokio::test]
async fn a_foreign_token_that_is_not_for_us_or_not_the_issuers_is_refused() {
    let foreign = foreign(false).await;
    let good = foreign.claims("u1", &["physicians"]);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let past = chrono::Utc::now().timestamp() - 60;
    for claims in [
        with("aud", json!("another-app")),
        with("exp", json!(past)),
        with("nbf", json!(past + 600)),
        with("iss", json!("https://elsewhere.test")),
        with("iss", Value::Null),
    ] {
        assert_eq!(foreign.exchange(&claims).await["userErrors"][0]["code"], json!("NOT_ALLOWED"), "{claims}");
    }
    let stranger = TestIssuer::start().await;
    let ours = foreign.setup.tokens.of(Role::Admin);
    // The public key as the secret of HS256, below the right key's id.
    let signed = foreign.issuer.sign(&good);
    let header = signed.split('.').next().expect("a header");
    let unsigned = format!("{header}.{}.", signed.split('.').nth(1).expect("claims"));
    let critical = foreign.issuer.sign_with(&good, |header| header.crit = Some(vec!["exp".to_owned()]));
    for token in [stranger.sign(&good), ours, unsigned, critical, "a.b.c".to_owned(), String::new()] {
        let answer = foreign.setup.anonymous.ask(EXCHANGE, json!({ "token": token })).await;
        assert_eq!(answer.refusals("signInWithToken"), ["NOT_ALLOWED"], "{token}");
    }
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM patients.account")
        .fetch_one(&foreign.setup.database.pool)
        .await
        .expect("a count");
    assert_eq!(made, 0);
}

#[tokio::test]
async fn an_issuer_may_change_its_keys_be_slow_and_be_down() {
    let mut foreign = foreign(false).await;
    foreign.issuer.set_down(true);
    let claims = foreign.claims("u1", &["physicians"]);
    let answer = foreign.setup.anonymous.ask(EXCHANGE, json!({ "token": foreign.issuer.sign(&claims) })).await;
    assert_eq!(answer.codes(), ["IDENTITY_PROVIDER_UNAVAILABLE"], "it has never answered");
    foreign.issuer.set_down(false);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(foreign.exchange(&claims).await["accessToken"].is_string());
    foreign.issuer.set_down(true);
    assert!(foreign.exchange(&claims).await["accessToken"].is_string(), "its keys are known");
    foreign.issuer.set_down(false);
    foreign.issuer.rotate_to_ec();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(foreign.exchange(&claims).await["accessToken"].is_string(), "the new key is fetched when it is met");
    let asked = foreign.issuer.asked();
    foreign.issuer.answer_after(Duration::from_secs(30));
    foreign.issuer.rotate_to_rsa();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let begun = Instant::now();
    let token = foreign.issuer.sign(&claims);
    let exchanges = (0..8).map(|_| {
        let (client, token) = (foreign.setup.anonymous.clone(), token.clone());
        tokio::spawn(async move { client.ask(EXCHANGE, json!({ "token": token })).await.body })
    });
    for exchange in exchanges.collect::<Vec<_>>() {
        let body = exchange.await.expect("answered");
        assert!(body["data"]["signInWithToken"]["accessToken"].is_null(), "{body}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "nobody waits for a slow issuer for ever");
    assert!(foreign.issuer.asked() <= asked + 2, "eight tokens with an unknown key are no eight questions");
}

#[tokio::test]
async fn an_address_that_has_an_account_here_is_linked_only_where_the_issuer_is_trusted_with_that() {
    for (link_by_email, verified, works) in [(false, true, false), (true, false, true), (true, true, true)] {
        let foreign = foreign(link_by_email).await;
        let setup = &foreign.setup;
        setup.add_account("nurse@example.test", Role::Nurse).await;
        let mut claims = foreign.issuer.claims("u1", "healthbridge-web");
        claims["realm_access"] = json!({ "roles": ["physicians"] });
        claims["email"] = json!("Nurse@Example.test");
        claims["email_verified"] = json!(verified);
        let answer = setup.anonymous.ask(EXCHANGE, json!({ "token": foreign.issuer.sign(&claims) })).await;
        let signed_in = answer.body["data"]["signInWithToken"].clone();
        assert_eq!(signed_in["accessToken"].is_string(), works, "{signed_in}");
        if works {
            let expected = if verified { json!(["NURSE"]) } else { json!(["DOCTOR"]) };
            assert_eq!(signed_in["user"]["roles"], expected, "an unverified address links nothing");
        }
    }
}
