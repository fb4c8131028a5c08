//! `healthbridge up`, as a newcomer uses it: one command, one query, an upload.

mod stack;

use std::{
    collections::HashMap,
    process::Output,
    time::{Duration, Instant},
};

use async_graphql_parser::types::{BaseType, TypeKind, TypeSystemDefinition};
use healthbridge_graphql::ScopeRules;
use healthbridge_testkit::{Client, Tokens, forged, put};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stack::{Ports, Stack, chart, folder, operation, patients, up};
use uuid::Uuid;

#[tokio::test]
async fn one_query_returns_the_chart_with_images_that_can_be_read() {
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let ids = patients(&doctor, 100).await;
    assert_eq!(ids.len(), 25);
    let mut currencies = std::collections::BTreeSet::new();
    for id in &ids {
        let patient = doctor.data(&chart(), json!({ "id": id })).await["patient"].clone();
        assert!(patient["name"]["text"].is_string() && patient["birthDate"].is_string(), "{patient}");
        assert_eq!(patient["images"]["nodes"].as_array().map(Vec::len), Some(4));
        assert_eq!(patient["reports"]["nodes"].as_array().map(Vec::len), Some(3));
        for line in patient["totalCost"]["byCurrency"].as_array().expect("lines") {
            currencies.insert(line["currency"].as_str().expect("a code").to_owned());
        }
        let image = &patient["images"]["nodes"][0];
        let url = image["downloadUrl"]["url"].as_str().expect("a URL");
        let bytes = reqwest::get(url).await.expect("an answer").bytes().await.expect("bytes");
        assert!(bytes.get(128..132) == Some(b"DICM") || bytes.starts_with(b"\x89PNG"), "{image}");
    }
    assert_eq!(currencies.into_iter().collect::<Vec<_>>(), ["EUR", "USD"]);
    let own = stack.sign_in("patient").await;
    let me = own.data(&chart(), json!({ "id": own_id(&ids, &own).await })).await;
    let released = ["FINAL", "AMENDED", "CORRECTED", "APPENDED"];
    let reports = me["patient"]["reports"]["nodes"].as_array().expect("reports");
    assert!(reports.iter().all(|report| released.contains(&report["status"].as_str().unwrap_or_default())));
}

#[tokio::test]
async fn the_chart_of_each_role_is_whole_and_without_an_error_for_it() {
    let stack = Stack::start();
    let own = stack.sign_in("patient").await.data(&operation("my-chart"), Value::Null).await["me"].clone();
    let id = &own["profile"]["id"];
    assert!(own["profile"]["name"]["text"].is_string(), "{own}");
    assert!(own["permissions"].as_array().expect("permissions").contains(&json!("IMAGING_STUDY_READ")), "{own}");
    let clerk = stack.sign_in("clerk").await.data(&operation("billing-chart"), json!({ "id": id })).await;
    let radiologist = stack.sign_in("radiologist").await.data(&operation("reading-chart"), json!({ "id": id })).await;
    assert!(radiologist["workflowLogs"]["nodes"].is_array(), "{radiologist}");
    for (chart, lists) in [
        (&own["profile"], &["images", "reports", "invoices"][..]),
        (&clerk["patient"], &["billings", "invoices"]),
        (&radiologist["patient"], &["images", "reports"]),
    ] {
        for list in lists {
            let rows = chart[*list]["nodes"].as_array().unwrap_or_else(|| panic!("{list}: {chart}")).len();
            assert_eq!(chart[*list]["totalCount"], json!(rows), "{list}: {chart}");
            assert!(rows > 0 || *list == "invoices", "{list}: {chart}");
        }
    }
    // Released reports alone are the patient's: the radiologist sees more, and is told so.
    let of = |chart: &Value| chart["reports"]["totalCount"].as_i64().expect("a number");
    assert!(of(&own["profile"]) < of(&radiologist["patient"]), "{own} {radiologist}");
}

/// The one patient whom the demo's patient account sees.
async fn own_id(ids: &[Value], own: &Client) -> Value {
    let mut seen = Vec::new();
    for id in ids {
        let data = own.data("query ($id: ID!) { patient(id: $id) { id } }", json!({ "id": id })).await;
        seen.extend(data["patient"]["id"].as_str().map(|id| json!(id)));
    }
    assert_eq!(seen.len(), 1, "a patient sees one record");
    seen.remove(0)
}

#[tokio::test]
async fn the_anonymous_get_nothing_that_is_scoped_at_the_router_and_at_each_subgraph() {
    let stack = Stack::start();
    let admin = stack.sign_in("admin").await;
    let patient = patients(&admin, 1).await.remove(0);
    let mut checked = 0;
    for (subgraph, offset) in healthbridge::SUBGRAPHS.into_iter().zip(1..) {
        let direct = Client::new(&stack.url(offset));
        for field in ScopeRules::scoped_fields(&(subgraph.description().sdl)()) {
            let document = selection(&(subgraph.description().sdl)(), &field.type_name, &field.field);
            if field.type_name == "Query" || field.type_name == "Mutation" {
                let operation = if field.type_name == "Query" { "query" } else { "mutation" };
                for client in [&stack.router(), &direct] {
                    let answer = client.ask(&format!("{operation} {{ {document} }}"), Value::Null).await;
                    assert!(answer.body["data"][&field.field].is_null(), "{}: {}", field.field, answer.body);
                    assert!(answer.codes().contains(&"UNAUTHENTICATED".to_owned()), "{}", answer.body);
                    checked += 1;
                }
            } else if field.type_name == "Patient" {
                let id = patient.as_str().and_then(|id| id.parse().ok()).expect("an id");
                let answer = direct.entities("Patient", &[id], &document).await;
                let entity = &answer.body["data"]["_entities"][0];
                assert!(entity.is_null() || entity[&field.field].is_null(), "{}: {}", field.field, answer.body);
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "only {checked} fields were checked");
}

type Kinds = HashMap<String, TypeKind>;

/// A value of an input type, with what is required of it.
fn literal(kinds: &Kinds, base: &BaseType) -> String {
    let BaseType::Named(name) = base else { return "[]".to_owned() };
    match kinds.get(name.as_str()) {
        Some(TypeKind::Enum(values)) => values.values[0].node.value.node.to_string(),
        Some(TypeKind::InputObject(object)) => {
            let needed =
                object.fields.iter().filter(|field| !field.node.ty.node.nullable && field.node.default_value.is_none());
            let values =
                needed.map(|field| format!("{}: {}", field.node.name.node, literal(kinds, &field.node.ty.node.base)));
            format!("{{ {} }}", values.collect::<Vec<_>>().join(", "))
        }
        _ => match name.as_str() {
            "UUID" => "\"00000000-0000-7000-8000-000000000000\"".to_owned(),
            "CurrencyCode" => "\"USD\"".to_owned(),
            "Int" => "1".to_owned(),
            _ => "\"1\"".to_owned(),
        },
    }
}

/// A field with its required arguments and something below it.
fn selection(sdl: &str, type_name: &str, field: &str) -> String {
    let document = async_graphql_parser::parse_schema(sdl).expect("the SDL parses");
    let kinds: Kinds = document
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node.kind))
            }
            _ => None,
        })
        .collect();
    let Some(TypeKind::Object(object)) = kinds.get(type_name) else { panic!("{type_name} is no object") };
    let found = object.fields.iter().find(|one| one.node.name.node == field).expect("the field");
    let needed =
        found.node.arguments.iter().filter(|one| !one.node.ty.node.nullable && one.node.default_value.is_none());
    let arguments: Vec<String> =
        needed.map(|one| format!("{}: {}", one.node.name.node, literal(&kinds, &one.node.ty.node.base))).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let mut base = &found.node.ty.node.base;
    while let BaseType::List(inner) = base {
        base = &inner.base;
    }
    let BaseType::Named(name) = base else { unreachable!("lists end") };
    let below = if matches!(kinds.get(name.as_str()), Some(TypeKind::Object(_))) { " { __typename }" } else { "" };
    format!("{field}{arguments}{below}")
}

#[tokio::test]
async fn forged_tokens_are_refused_at_the_router_and_at_each_subgraph() {
    let stack = Stack::start();
    let key = healthbridge_auth::SigningKey::open(&stack.data_dir.join("keys/signing.pem")).expect("the key");
    let tokens = Tokens::with_key(key, &stack.url(0));
    let admin = stack.router().with_token(tokens.of(healthbridge_rights::Role::Admin));
    let id = patients(&admin, 1).await.remove(0);
    let entity = id.as_str().and_then(|id| id.parse::<Uuid>().ok()).expect("an id");
    let roots = [
        "patients { nodes { id } }",
        "images { nodes { id } }",
        "reports { nodes { id } }",
        "billings { nodes { id } }",
    ];
    for (kind, token) in forged(&tokens) {
        let through_router = stack.router().with_token(&token).ask(&chart(), json!({ "id": id })).await;
        assert_eq!(
            (through_router.status.as_u16(), through_router.codes()),
            (401, vec!["UNAUTHENTICATED".to_owned()]),
            "{kind}"
        );
        for (root, offset) in roots.iter().zip(1..) {
            let direct = Client::new(&stack.url(offset)).with_token(&token);
            let answer = direct.ask(&format!("{{ {root} }}"), Value::Null).await;
            let entities = direct.entities("Patient", &[entity], "id").await;
            assert_eq!((answer.status.as_u16(), entities.status.as_u16()), (401, 401), "{kind}: {root}");
        }
    }
}

#[tokio::test]
async fn a_real_dicom_file_goes_up_by_the_presigned_url_and_comes_back_byte_for_byte() {
    let path = std::env::var("HEALTHBRIDGE_TEST_DICOM").expect("HEALTHBRIDGE_TEST_DICOM: run the tests by ./dev test");
    let bytes = std::fs::read(path).expect("the DICOM file");
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let patient = patients(&doctor, 1).await.remove(0);
    let request = "mutation ($input: RequestImageUploadInput!) { requestImageUpload(input: $input) {
        upload { id put { url headers { name value } } } userErrors { code } } }";
    let input = json!({
        "patientId": patient, "fileName": "CT_small.dcm", "contentType": "application/dicom", "byteSize": bytes.len(),
        "sha256": hex::encode(Sha256::digest(&bytes)), "modality": "CT", "idempotencyKey": Uuid::new_v4(),
    });
    let upload = doctor.data(request, json!({ "input": input })).await["requestImageUpload"]["upload"].clone();
    assert!(put(&upload, &bytes).await.expect("an answer").is_success());
    let complete = "mutation ($id: ID!) { completeImageUpload(input: { uploadId: $id }) {
        image { id state downloadUrl { url } patient { name { text } } } userErrors { code } } }";
    let data = doctor.data(complete, json!({ "id": upload["id"] })).await;
    let image = &data["completeImageUpload"]["image"];
    assert_eq!(image["state"], json!("READY"));
    assert!(image["patient"]["name"]["text"].is_string(), "the router adds the patient's name: {image}");
    let back = reqwest::get(image["downloadUrl"]["url"].as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(back.bytes().await.expect("bytes"), bytes);
    let chart = doctor.data(&chart(), json!({ "id": patient })).await;
    assert_eq!(chart["patient"]["images"]["nodes"][0]["id"], image["id"], "the newest image is first");
}

#[tokio::test]
async fn starting_again_changes_nothing_and_signals_stop_everything_in_time() {
    let mut stack = Stack::start();
    let everything = "{ patients(first: 100) { nodes { id version images(first: 100) { nodes { id version } totalCount }
        reports(first: 100) { nodes { id version } } totalCost { byCurrency { currency net { amount } paid { amount } itemCount } } } }
        workflowLogs(first: 100) { nodes { seq hash } } }";
    let before = stack.sign_in("admin").await.data(everything, Value::Null).await;
    for signal in ["TERM", "INT"] {
        let (took, was_well) = stack.signal(signal);
        assert!(took < Duration::from_secs(5) && was_well, "{signal} took {took:?}");
        assert_eq!(stack.processes(), Vec::<u32>::new(), "left behind by {signal}");
        stack.restart();
    }
    assert_eq!(stack.sign_in("admin").await.data(everything, Value::Null).await, before);
    let entries = before["workflowLogs"]["nodes"].as_array().map_or(0, Vec::len);
    let sealed = format!("the {entries} entries of the workflow log are as they were sealed\n");
    assert_eq!(stack.verify("diagnosis"), sealed);
    assert_eq!(stack.verify_billing(), "the ledger, the balances and the billings agree\n");
}

#[tokio::test]
async fn nothing_outlives_a_killed_parent_and_the_next_start_recovers() {
    let mut stack = Stack::start();
    stack.signal("KILL");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !stack.processes().is_empty() {
        assert!(Instant::now() < deadline, "orphans: {:?}", stack.processes());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stack.restart();
    assert_eq!(patients(&stack.sign_in("admin").await, 100).await.len(), 25);
}

#[tokio::test]
async fn errors_at_the_start_say_what_to_do() {
    let stack = Stack::start();
    let run = |command: &mut std::process::Command| -> Output {
        command.stderr(std::process::Stdio::piped()).output().expect("it runs")
    };
    let says = |output: &Output, text: &str| {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(text), "{error}");
    };
    let other = Ports::reserve();
    says(&run(&mut up(&stack.data_dir, other.base)), "another `healthbridge up` uses");
    let folder = folder();
    says(&run(&mut up(&folder.path().join("data"), stack.ports.base)), "Choose other ports");
    let missing = folder.path().join("no-postgres");
    says(&run(up(&folder.path().join("data"), other.base).env("PG_BIN_DIR", missing)), "no PostgreSQL");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    says(&run(&mut up(&file.join("data"), other.base)), "as the data directory");
    says(&run(up(&folder.path().join("data"), other.base).args(["--demo", "--host", "0.0.0.0"])), "loopback");
}

#[tokio::test]
async fn graphiql_and_the_landing_page_load_nothing_from_elsewhere() {
    let stack = Stack::start();
    for page in ["/", "/graphiql"] {
        let answer = reqwest::get(stack.url(0) + page).await.expect("an answer");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
        let html = answer.text().await.expect("a page");
        assert!(!html.contains("https://") && !html.contains("src=\"http"), "{page}");
        for asset in html.split('"').filter(|part| part.starts_with("/assets/")) {
            let loaded = reqwest::get(stack.url(0) + asset).await.expect("an answer");
            assert!(loaded.status().is_success(), "{asset}");
        }
    }
    let schema = reqwest::get(stack.url(0) + "/schema.graphql").await.expect("an answer").text().await.expect("text");
    assert!(schema.contains("type Patient"));
    let ready: Value = reqwest::get(stack.url(0) + "/readyz").await.expect("an answer").json().await.expect("JSON");
    assert_eq!(ready["subgraphs"]["billing"], json!("ok"));
}
