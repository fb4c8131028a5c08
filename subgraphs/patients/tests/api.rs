//! The patients subgraph over HTTP on a real database.

use std::sync::Arc;

use chrono::Utc;
use healthbridge_auth::Role;
use healthbridge_patients::{
    NewAccount, PROVISION, Service,
    domain::{HumanName, NameUse, Staff, StaffProfession, UserKind},
    forget_old, routes, seed,
};
use healthbridge_testkit::{Client, ISSUER, StatementCount, TestDatabase, Tokens, forged, serve};
use serde_json::{Value, json};
use uuid::Uuid;

struct Setup {
    database: TestDatabase,
    tokens: Tokens,
    anonymous: Client,
}

async fn setup() -> Setup {
    let database = TestDatabase::of(PROVISION).await;
    let tokens = Tokens::new();
    let base = serve(routes(database.pool.clone(), tokens.key.clone(), ISSUER, tokens.verifier(), false)).await;
    Setup { database, tokens, anonymous: Client::new(&base) }
}

impl Setup {
    fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }

    async fn add_staff(&self) -> Uuid {
        let name = HumanName {
            name_use: NameUse::Official,
            family: "House".to_owned(),
            given: vec!["Gregory".to_owned()],
            prefix: Vec::new(),
            suffix: Vec::new(),
        };
        let staff = Staff {
            id: Uuid::now_v7(),
            name,
            profession: StaffProfession::Physician,
            specialty: None,
            licence_number: None,
            department: None,
            active: true,
            created_at: Utc::now(),
            version: 1,
        };
        let id = staff.id;
        let seed = seed::Seed { staff: vec![staff], ..seed::Seed::default() };
        seed.load(&self.database.pool).await.expect("loaded");
        id
    }

    async fn add_account(&self, email: &str, role: Role) {
        let service = Service::new(self.database.pool.clone(), self.tokens.key.clone(), ISSUER);
        let password = PASSWORD.into();
        let account = NewAccount { kind: UserKind::Staff, email: email.to_owned(), password, roles: vec![role] };
        service.create_account(account, Utc::now()).await.expect("an answer").expect("made");
    }
}

const PASSWORD: &str = "correct horse battery staple";

const CREATE: &str = "mutation ($input: CreatePatientInput!) {
    createPatient(input: $input) { patient { id mrn name { text } version } userErrors { code field } } }";

fn input(family: &str) -> Value {
    json!({ "name": { "family": family, "given": ["Ada"] }, "gender": "FEMALE", "birthDate": "1990-02-28" })
}

async fn create(client: &Client, family: &str) -> Uuid {
    let data = client.data(CREATE, json!({ "input": input(family) })).await;
    let id = data["createPatient"]["patient"]["id"].as_str();
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no patient: {data}"))
}

#[tokio::test]
async fn a_created_patient_is_found_by_id_and_by_its_record_number() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let id = create(&clerk, "Lovelace").await;
    let query = "query ($id: ID!) { patient(id: $id) { mrn name { text } birthDate ageYears gender } }";
    let patient = clerk.data(query, json!({ "id": id })).await["patient"].clone();
    assert_eq!((&patient["name"]["text"], &patient["birthDate"]), (&json!("Ada Lovelace"), &json!("1990-02-28")));
    let entity = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { id } } }";
    let representation = json!({ "r": [{ "__typename": "Patient", "mrn": patient["mrn"] }] });
    assert_eq!(clerk.data(entity, representation).await["_entities"][0]["id"], json!(id));
}

#[tokio::test]
async fn wrong_input_is_refused_with_a_code_and_the_field_and_nothing_is_stored() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let wrong = [
        (json!({ "name": { "family": " ", "given": [] }, "gender": "MALE" }), "REQUIRED", "family"),
        (json!({ "name": { "family": "A\u{202E}B", "given": [] }, "gender": "MALE" }), "INVALID_FORMAT", "family"),
        (
            json!({ "mrn": "123456789", "name": { "family": "A", "given": [] }, "gender": "MALE" }),
            "INVALID_FORMAT",
            "mrn",
        ),
        (
            json!({ "birthDate": "2999-01-01", "name": { "family": "A", "given": [] }, "gender": "MALE" }),
            "OUT_OF_RANGE",
            "birthDate",
        ),
        (
            json!({ "generalPractitionerId": "x", "name": { "family": "A", "given": [] }, "gender": "MALE" }),
            "NOT_FOUND",
            "generalPractitionerId",
        ),
    ];
    for (input, code, field) in wrong {
        let answer = clerk.ask(CREATE, json!({ "input": input })).await;
        assert_eq!(answer.refusals("createPatient"), [code], "{}", answer.body);
        let path = answer.body["data"]["createPatient"]["userErrors"][0]["field"].clone();
        assert_eq!(path.as_array().and_then(|path| path.last()), Some(&json!(field)));
    }
    let count = clerk.data("{ patients { totalCount } }", Value::Null).await;
    assert_eq!(count["patients"]["totalCount"], json!(0));
}

#[tokio::test]
async fn a_mutation_sent_again_with_its_key_gives_the_first_answer() {
    let setup = setup().await;
    let token = setup.tokens.of(Role::Clerk);
    let clerk = setup.anonymous.with_token(token);
    let key = Uuid::new_v4();
    let with_key = |family: &str| {
        let mut input = input(family);
        input["idempotencyKey"] = json!(key);
        json!({ "input": input })
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(clerk.data(CREATE, with_key("Twice")).await["createPatient"]["patient"]["id"].clone());
    }
    assert!(ids.iter().all(|id| id == &ids[0] && id.is_string()), "{ids:?}");
    assert_eq!(clerk.ask(CREATE, with_key("Other")).await.refusals("createPatient"), ["IDEMPOTENCY_KEY_REUSED"]);
}

#[tokio::test]
async fn pages_walk_all_patients_once_both_ways_and_foreign_cursors_are_refused() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    for family in ["Eve", "adam", "Bob", "Öz", "Carol"] {
        create(&clerk, family).await;
    }
    let query = "query ($first: Int, $after: String, $last: Int, $before: String, $order: PatientOrder!) {
        patients(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
            nodes { name { family } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }";
    let mut names = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "first": 2, "after": after, "order": "FAMILY_NAME_ASC" });
        let page = clerk.data(query, variables).await["patients"].clone();
        assert_eq!(page["totalCount"], json!(5));
        names.extend(page["nodes"].as_array().expect("nodes").iter().map(|node| node["name"]["family"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(names, ["adam", "Bob", "Carol", "Eve", "Öz"]);
    let variables = json!({ "first": null, "last": 2, "before": after, "order": "FAMILY_NAME_ASC" });
    let page = clerk.data(query, variables).await["patients"].clone();
    assert_eq!(page["nodes"], json!([{ "name": { "family": "Carol" } }, { "name": { "family": "Eve" } }]));
    assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(true));
    let foreign = clerk.ask(query, json!({ "after": after, "first": 2, "order": "CREATED_AT_DESC" })).await;
    assert_eq!((foreign.codes(), &foreign.body["data"]["patients"]), (vec!["BAD_USER_INPUT".to_owned()], &Value::Null));
}

#[tokio::test]
async fn a_patient_sees_the_own_record_and_another_one_looks_absent() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (own, foreign) = (create(&clerk, "Own").await, create(&clerk, "Foreign").await);
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let query = "query ($id: ID!) { patient(id: $id) { id mrn name { text } } }";
    assert_eq!(patient.data(query, json!({ "id": own })).await["patient"]["id"], json!(own));
    let seen = patient.ask(query, json!({ "id": foreign })).await;
    let absent = patient.ask(query, json!({ "id": Uuid::now_v7() })).await;
    assert_eq!(seen.body, absent.body);
    let entities = patient.entities("Patient", &[own, foreign, Uuid::now_v7()], "id").await;
    assert_eq!(entities.body["data"]["_entities"], json!([{ "id": own }, null, null]));
    assert_eq!(patient.ask("{ patients { nodes { id } } }", Value::Null).await.codes(), ["UNAUTHORIZED_FIELD_OR_TYPE"]);
}

#[tokio::test]
async fn signing_in_gives_a_token_and_every_failure_looks_alike() {
    let setup = setup().await;
    setup.add_account("Doc@example.test", Role::Doctor).await;
    let query =
        "mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) {
        accessToken user { email roles } userErrors { code message field } } }";
    let signed_in = setup.anonymous.data(query, json!({ "email": "doc@EXAMPLE.test", "password": PASSWORD })).await;
    assert_eq!(signed_in["signIn"]["user"], json!({ "email": "doc@example.test", "roles": ["DOCTOR"] }));
    let token = signed_in["signIn"]["accessToken"].as_str().expect("a token").to_owned();
    let me = setup.anonymous.with_token(token).data("{ me { email } }", Value::Null).await;
    assert_eq!(me["me"]["email"], json!("doc@example.test"));
    let wrong = setup.anonymous.ask(query, json!({ "email": "doc@example.test", "password": "wrong" })).await;
    let unknown = setup.anonymous.ask(query, json!({ "email": "nobody@example.test", "password": "wrong" })).await;
    assert_eq!((wrong.refusals("signIn"), &wrong.body), (vec!["NOT_ALLOWED".to_owned()], &unknown.body));
    assert_eq!(setup.anonymous.data("{ me { email } }", Value::Null).await["me"], Value::Null);
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_by_401_through_every_door() {
    let setup = setup().await;
    let id = create(&setup.as_role(Role::Clerk), "Safe").await;
    for (kind, token) in forged(&setup.tokens) {
        let caller = setup.anonymous.with_token(token);
        let root = caller.ask("query ($id: ID!) { patient(id: $id) { id } }", json!({ "id": id })).await;
        let entities = caller.entities("Patient", &[id], "id").await;
        for answer in [root, entities] {
            assert_eq!((answer.status.as_u16(), answer.codes()), (401, vec!["UNAUTHENTICATED".to_owned()]), "{kind}");
            assert!(answer.body["data"].is_null(), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_hundred_patients_cost_as_many_statements_as_one() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let practitioner = setup.add_staff().await;
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(create(&clerk, &format!("N{number:03}")).await);
    }
    // A practitioner each, so that a second loader works below the first.
    let update = sqlx::query("UPDATE patients.patient SET general_practitioner_id = $1").bind(practitioner);
    update.execute(&setup.database.pool).await.expect("updated");
    let selection = "id mrn name { text } generalPractitioner { id name { text } }";
    let (one, for_one) = count.during(clerk.entities("Patient", &ids[..1], selection)).await;
    let (all, for_all) = count.during(clerk.entities("Patient", &ids, selection)).await;
    let entities = |answer: &healthbridge_testkit::Answer| answer.body["data"]["_entities"].as_array().map(Vec::len);
    assert_eq!((entities(&one), entities(&all)), (Some(1), Some(100)));
    assert_eq!((for_one, for_all), (2, 2), "the patients and their practitioners");
    let list = count.during(clerk.data("{ patients(first: 100) { nodes { id name { text } } } }", Value::Null));
    assert_eq!(list.await.1, 1);
}

#[tokio::test]
async fn the_anonymous_get_null_and_a_code_for_what_is_scoped_and_do_not_introspect() {
    let setup = setup().await;
    let answer = setup.anonymous.ask("{ patients { nodes { id } } user(id: \"x\") { id } }", Value::Null).await;
    assert_eq!(answer.body["data"], json!({ "patients": null, "user": null }));
    assert_eq!(answer.codes(), ["UNAUTHORIZED_FIELD_OR_TYPE", "UNAUTHORIZED_FIELD_OR_TYPE"]);
    let schema = setup.anonymous.ask("{ __schema { queryType { name } } }", Value::Null).await;
    assert!(schema.body["data"]["__schema"].is_null(), "{}", schema.body);
    let keys = Arc::clone(&setup.tokens.key).jwks();
    assert!(keys["keys"][0]["d"].is_null(), "a private key must not be published");
}

#[tokio::test]
async fn only_json_by_post_is_a_graphql_request() {
    let database = TestDatabase::of(PROVISION).await;
    let tokens = Tokens::new();
    let base = serve(routes(database.pool.clone(), tokens.key.clone(), ISSUER, tokens.verifier(), false)).await;
    let url = format!("{base}/graphql");
    let client = reqwest::Client::new();
    let status = async |request: reqwest::RequestBuilder| request.send().await.expect("an answer").status().as_u16();
    assert_eq!(status(client.get(format!("{url}?query={{__typename}}"))).await, 405);
    let body = r#"{"query":"{ __typename }"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(status(client.post(&url).header("content-type", kind).body(body)).await, 415, "{kind}");
    }
    let json = |accept: &str| client.post(&url).header("accept", accept).header("content-type", "application/json");
    assert_eq!(status(json("application/json").body(body)).await, 200);
    assert_eq!(status(json("application/json").body("{")).await, 400);
    let wrong = r#"{"query":"{ nothing }"}"#;
    assert_eq!(status(json("application/json").body(wrong)).await, 200);
    assert_eq!(status(json("application/graphql-response+json").body(wrong)).await, 400);
}

const SIGN_IN: &str = "mutation ($email: String!, $password: String!) {
    signIn(input: { email: $email, password: $password }) { accessToken refreshToken user { id version } userErrors { code } } }";
const REFRESH: &str = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    accessToken refreshToken userErrors { code } } }";

impl Setup {
    /// What the feed of revocations has now.
    async fn revocations(&self) -> Vec<Value> {
        let service = Service::new(self.database.pool.clone(), self.tokens.key.clone(), ISSUER);
        let feed = service.revocations(0, Utc::now()).await.expect("the feed");
        serde_json::to_value(feed).expect("JSON")["revocations"].as_array().cloned().expect("a list")
    }

    async fn sign_in(&self, email: &str) -> Value {
        let data = self.anonymous.data(SIGN_IN, json!({ "email": email, "password": PASSWORD })).await;
        data["signIn"].clone()
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
async fn two_refreshes_at_once_give_one_pair_of_tokens() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let token = setup.sign_in("nurse@example.test").await["refreshToken"].clone();
    let refresh = || setup.anonymous.ask(REFRESH, json!({ "token": token }));
    let (one, other) = tokio::join!(refresh(), refresh());
    let given =
        [&one, &other].iter().filter(|answer| answer.body["data"]["refreshSession"]["accessToken"].is_string()).count();
    assert_eq!((given, setup.revocations().await.len()), (1, 1), "the second use ends the family");
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
    assert_eq!(nurse.codes(), ["UNAUTHORIZED_FIELD_OR_TYPE"]);
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
    assert!(!try_in("nurse@example.test", PASSWORD).await, "blocked, even with the right password");
    let rows: Vec<(i32, bool)> = sqlx::query_as(
        "SELECT attempts, blocked_until <= last_at + interval '60 seconds' FROM patients.sign_in_attempt",
    )
    .fetch_all(&setup.database.pool)
    .await
    .expect("rows");
    assert_eq!(rows, [(6, true), (6, true)], "the sixth attempt closes the door, at once or one after the other");
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
    assert_eq!(nurse.ask(create, json!({ "family": "No" })).await.codes(), ["UNAUTHORIZED_FIELD_OR_TYPE"]);
    assert_eq!(nurse.ask(users, Value::Null).await.codes(), ["UNAUTHORIZED_FIELD_OR_TYPE"]);
}

#[tokio::test]
async fn a_patient_is_found_by_the_record_number_as_an_identifier() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let id = create(&clerk, "Lovelace").await;
    let mrn = clerk.data("query ($id: ID!) { patient(id: $id) { mrn } }", json!({ "id": id })).await["patient"]["mrn"]
        .clone();
    let query =
        "query ($system: String!, $value: String!) { patientByIdentifier(system: $system, value: $value) { id } }";
    let found = clerk.data(query, json!({ "system": "urn:healthbridge:mrn", "value": mrn })).await;
    assert_eq!(found["patientByIdentifier"]["id"], json!(id));
    for (system, value) in [("urn:elsewhere", mrn), ("urn:healthbridge:mrn", json!("000000000"))] {
        let absent = clerk.data(query, json!({ "system": system, "value": value })).await;
        assert_eq!(absent["patientByIdentifier"], Value::Null);
    }
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
