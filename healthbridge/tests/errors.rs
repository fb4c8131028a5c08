//! What clients meet when something fails or is refused: each error at their own path, with a code, the part that failed,
//! and the name of the request.

mod stack;

use axum::{Json, Router, http::StatusCode, routing::post};
use healthbridge_testkit::Answer;
use serde_json::{Value, json};
use stack::{Stack, alone::Alone, patients};

/// A subgraph that answers everything so; gives its URL.
async fn subgraph(status: StatusCode, answer: Value) -> String {
    let answers = move || {
        let answer = answer.clone();
        async move { (status, Json(answer)) }
    };
    healthbridge_testkit::serve(Router::new().route("/graphql", post(answers))).await + "/graphql"
}

/// Two patients, as the client below calls them; the second one twice.
async fn two_patients() -> String {
    let patient = |id: u8| json!({ "__typename": "Patient", "id": format!("00000000-0000-7000-8000-00000000000{id}") });
    let people = json!({ "list": [patient(1), patient(2), patient(2)] });
    subgraph(StatusCode::OK, json!({ "data": { "people": people } })).await
}

const SUMS: &str = "query ($no: Boolean = false) { people: patients(first: 3) { list: nodes { id ...Sums } } }
    fragment Sums on Patient { sum: totalCost { asOf } left: totalCost @include(if: $no) { asOf } }";

/// Path, code and service of each error. Each has the id of the request, and none has a place in another document.
fn errors(answer: &Answer) -> Vec<(Value, String, Value)> {
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    let read = |error: &Value| {
        let extensions = &error["extensions"];
        assert!(extensions["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{error}");
        assert!(error["locations"].is_null() && extensions["affectedPath"].is_null(), "{error}");
        let code = extensions["code"].as_str().expect("a code").to_owned();
        (error["path"].clone(), code, extensions["service"].clone())
    };
    errors.iter().map(read).collect()
}

/// What is told of a field that billing did not give, for each of the three.
fn at_each_place(code: &str) -> Vec<(Value, String, Value)> {
    (0..3).map(|place| (json!(["people", "list", place, "sum"]), code.to_owned(), json!("billing"))).collect()
}

#[tokio::test]
async fn of_a_part_that_fails_each_field_is_told_to_have_failed_where_the_client_asked_for_it() {
    let patients = two_patients().await;
    let busy = json!({ "errors": [{ "message": "busy" }] });
    let slow = json!({ "errors": [{ "message": "slow", "extensions": { "code": "QUERY_TIMEOUT" } }] });
    let failures = [
        ("http://127.0.0.1:1/graphql".to_owned(), "SUBGRAPH_UNAVAILABLE"),
        (subgraph(StatusCode::OK, json!("no answer")).await, "SUBGRAPH_UNAVAILABLE"),
        (subgraph(StatusCode::SERVICE_UNAVAILABLE, busy).await, "OVERLOADED"),
        (subgraph(StatusCode::OK, slow).await, "QUERY_TIMEOUT"),
    ];
    for (billing, code) in failures {
        let urls = [("SUBGRAPHS__PATIENTS__URL", patients.as_str()), ("SUBGRAPHS__BILLING__URL", billing.as_str())];
        let router = Alone::start(&urls).await;
        let answer = router.client().ask(SUMS, Value::Null).await;
        assert_eq!(errors(&answer), at_each_place(code), "{}", answer.body);
        assert_eq!(answer.body["data"]["people"]["list"][2]["sum"], Value::Null);
    }
}

#[tokio::test]
async fn of_two_fetches_of_one_part_that_fail_differently_each_is_told() {
    let patients = two_patients().await;
    let billing = post(async |Json(asked): Json<Value>| {
        if !asked["query"].as_str().is_some_and(|query| query.contains("_entities")) {
            return (StatusCode::BAD_GATEWAY, Json(json!({ "errors": [{ "message": "bad" }] })));
        }
        let error = |place: u8| {
            let extensions = json!({ "code": "BAD_USER_INPUT" });
            json!({ "message": "no", "path": ["_entities", place, "sum"], "extensions": extensions })
        };
        let sums = [json!({ "sum": null }), json!({ "sum": null })];
        (StatusCode::OK, Json(json!({ "data": { "_entities": sums }, "errors": [error(0), error(1)] })))
    });
    let billing = healthbridge_testkit::serve(Router::new().route("/graphql", billing)).await + "/graphql";
    let urls = [("SUBGRAPHS__PATIENTS__URL", patients.as_str()), ("SUBGRAPHS__BILLING__URL", billing.as_str())];
    let router = Alone::start(&urls).await;
    let query = "{ people: patients(first: 3) { list: nodes { id sum: totalCost { asOf } } } items: serviceItems(first: 1) { nodes { id } } }";
    let answer = router.client().ask(query, Value::Null).await;
    let found = errors(&answer);
    let unavailable = (json!(["items"]), "SUBGRAPH_UNAVAILABLE".to_owned(), json!("billing"));
    assert!(found.contains(&unavailable), "{}", answer.body);
    assert!(at_each_place("BAD_USER_INPUT").iter().all(|error| found.contains(error)), "{}", answer.body);
    assert_eq!(found.len(), 4, "{}", answer.body);
}

#[tokio::test]
async fn of_a_part_that_does_not_answer_in_time_each_field_is_told_to_have_failed() {
    let patients = two_patients().await;
    let never = post(async || std::future::pending::<StatusCode>().await);
    let billing = healthbridge_testkit::serve(Router::new().route("/graphql", never)).await + "/graphql";
    let router = Alone::start(&[
        ("SUBGRAPHS__PATIENTS__URL", patients.as_str()),
        ("SUBGRAPHS__BILLING__URL", billing.as_str()),
        ("LIMITS__SUBGRAPH_TIMEOUT_MS", "500"),
    ])
    .await;
    let answer = router.client().ask(SUMS, Value::Null).await;
    assert_eq!(errors(&answer), at_each_place("SUBGRAPH_TIMEOUT"), "{}", answer.body);
}

#[tokio::test]
async fn of_a_part_that_fails_at_the_root_each_root_field_is_told_to_have_failed() {
    let router = Alone::start(&[("SUBGRAPHS__PATIENTS__URL", "http://127.0.0.1:1/graphql")]).await;
    let query = "{ a: patients { nodes { id } } b: patient(id: \"1\") { id } __typename }";
    let answer = router.client().ask(query, Value::Null).await;
    let failed = |key: &str| (json!([key]), "SUBGRAPH_UNAVAILABLE".to_owned(), json!("patients"));
    assert_eq!(errors(&answer), [failed("a"), failed("b")], "{}", answer.body);
}

#[tokio::test]
async fn a_field_that_fails_is_told_at_its_place_in_the_clients_lists_and_no_other_one_is() {
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    // A page of 1000 is refused by the subgraph, for each patient by itself.
    let query = "{ people: patients(first: 2) { list: nodes { id pictures: images(first: 101) { nodes { id } } images(first: 1) { nodes { id } } } } }";
    let answer = doctor.ask(query, Value::Null).await;
    let failed = |place| (json!(["people", "list", place, "pictures"]), "BAD_USER_INPUT".to_owned(), json!("imaging"));
    assert_eq!(errors(&answer), [failed(0), failed(1)], "{}", answer.body);
    assert!(answer.body["data"]["people"]["list"][1]["images"]["nodes"].is_array());
}

#[tokio::test]
async fn a_refused_field_is_told_at_its_places_and_who_is_not_signed_in_is_told_so() {
    let stack = Stack::start();
    let (radiologist, doctor) = (stack.sign_in("radiologist").await, stack.sign_in("doctor").await);
    let query = "{ people: patients(first: 2) { list: nodes { id sum: totalCost { asOf } } } none: patients(first: 0) { nodes { id totalCost { asOf } } } }";
    let answer = radiologist.ask(query, Value::Null).await;
    let refused = |place| (json!(["people", "list", place, "sum"]), "FORBIDDEN".to_owned(), Value::Null);
    assert_eq!(errors(&answer), [refused(0), refused(1)], "{}", answer.body);
    // Where nothing else was asked the parents were not either: the error is at the one that is null for it.
    let only =
        radiologist.ask("{ people: patients(first: 2) { list: nodes { totalCost { asOf } } } }", Value::Null).await;
    assert_eq!(errors(&only), [(json!(["people"]), "FORBIDDEN".to_owned(), Value::Null)], "{}", only.body);
    assert_eq!(only.body["data"]["people"], Value::Null);
    let id = patients(&doctor, 1).await.remove(0);
    let anonymous = stack.router().ask("query ($id: ID!) { one: patient(id: $id) { id } }", json!({ "id": id })).await;
    assert_eq!(errors(&anonymous), [(json!(["one"]), "UNAUTHENTICATED".to_owned(), Value::Null)]);
    // The subgraph behind the router says the same by itself.
    let direct = healthbridge_testkit::Client::new(&stack.url(4));
    let entities = [id.as_str().and_then(|id| id.parse().ok()).expect("an id"); 2];
    let answer = direct.entities("Patient", &entities, "sum: totalCost { asOf }").await;
    let refused = |place| (json!(["_entities", place, "sum"]), "UNAUTHENTICATED".to_owned(), Value::Null);
    assert_eq!(errors(&answer), [refused(0), refused(1)], "{}", answer.body);
    let message = |answer: &Answer| answer.body["errors"][0]["message"].clone();
    assert_eq!(message(&answer), message(&anonymous));
}

#[tokio::test]
async fn a_request_that_nothing_ran_for_has_no_data_and_one_without_a_query_is_400() {
    let stack = Stack::start();
    for client in [stack.router(), healthbridge_testkit::Client::new(&stack.url(1))] {
        for body in ["{}", r#"{"variables":{}}"#, r#"{"query":""}"#, r#"{"query":null}"#] {
            let (status, text) = client.post(body.to_owned()).await;
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!((status, code, answer.get("data")), (400, &json!("BAD_REQUEST"), None), "{body}: {text}");
        }
        for query in ["{ nothing }", "{ patients { nodes { id } }", "{ patients }"] {
            let answer = client.ask(query, Value::Null).await;
            assert!(answer.body.get("data").is_none() && !answer.codes().is_empty(), "{query}: {}", answer.body);
            assert!(answer.body["errors"][0]["locations"][0]["line"].is_u64(), "{query}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn introspection_has_each_directive_once_and_says_where_scalars_are_specified() {
    let stack = Stack::start();
    let query = "{ __schema { directives { name } types { kind name specifiedByURL } } }";
    let schema = stack.router().data(query, Value::Null).await["__schema"].clone();
    let directives = schema["directives"].as_array().expect("directives");
    let mut names: Vec<&str> = directives.iter().filter_map(|directive| directive["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["deprecated", "include", "oneOf", "skip", "specifiedBy"]);
    let built_in = ["Boolean", "Float", "ID", "Int", "String"];
    let mut scalars = 0;
    for scalar in schema["types"].as_array().expect("types").iter().filter(|found| found["kind"] == "SCALAR") {
        let name = scalar["name"].as_str().expect("a name");
        if !built_in.contains(&name) {
            scalars += 1;
            assert!(scalar["specifiedByURL"].as_str().is_some_and(|url| url.starts_with("http")), "{scalar}");
        }
    }
    assert!(scalars >= 6, "{scalars} scalars");
}
