//! The patients subgraph over HTTP on a real database.

mod setup;

use std::sync::Arc;

use healthbridge_graphql::Exposure;
use healthbridge_patients::{DESCRIPTION, open};
use healthbridge_rights::Role;
use healthbridge_testkit::{StatementCount, TestDatabase, Tokens, assert_alike, forged, serve};
use serde_json::{Value, json};
use setup::{CREATE, PASSWORD, create, identity, input, setup};
use uuid::Uuid;

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
    assert_eq!(patient.ask("{ patients { nodes { id } } }", Value::Null).await.codes(), ["FORBIDDEN"]);
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
    assert_eq!(answer.codes(), ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    let schema = setup.anonymous.ask("{ __schema { queryType { name } } }", Value::Null).await;
    assert!(schema.body["data"]["__schema"].is_null(), "{}", schema.body);
    let keys = Arc::clone(&setup.tokens.key).jwks();
    assert!(keys["keys"][0]["d"].is_null(), "a private key must not be published");
}

#[tokio::test]
async fn only_json_by_post_is_a_graphql_request() {
    let database = TestDatabase::of(DESCRIPTION.provision).await;
    let tokens = Tokens::new();
    let base =
        serve(open(database.pool.clone(), identity(&tokens)).routes(tokens.verifier(), Exposure::default())).await;
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
async fn a_foreign_patient_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (own, foreign) = (create(&clerk, "Own").await, create(&clerk, "Foreign").await);
    let mrn =
        clerk.data("query ($id: ID!) { patient(id: $id) { mrn } }", json!({ "id": foreign })).await["patient"]["mrn"]
            .clone();
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let id = |id: Uuid| json!({ "id": id });
    let query = "query ($id: ID!) { patient(id: $id) { id user { id } generalPractitioner { id } } }";
    assert_alike(&count, &patient, query, id(foreign), id(Uuid::now_v7())).await;
    let entities = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { mrn name { text } } } }";
    let by = |key: &str, value: Value| json!({ "r": [{ "__typename": "Patient", key: value }] });
    assert_alike(&count, &patient, entities, by("id", json!(foreign)), by("id", json!(Uuid::now_v7()))).await;
    assert_alike(&count, &patient, entities, by("mrn", mrn), by("mrn", json!("000000000"))).await;
    let user = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { email } } }";
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let account = setup.sign_in("nurse@example.test").await["user"]["id"].clone();
    let of = |value: Value| json!({ "r": [{ "__typename": "User", "id": value }] });
    assert_alike(&count, &patient, user, of(account), of(json!(Uuid::now_v7()))).await;
}
