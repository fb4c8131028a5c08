//! The roles as separate processes, as `docker-compose.yml` runs them: each with its own role in one database.

mod installation;
#[path = "../stack/mod.rs"]
mod stack;

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::{get, post},
};
use healthbridge_testkit::{Client, serve};
use installation::{Apart, METRICS, SECOND_ROUTER, SUBGRAPHS};
use serde_json::{Value, json};
use stack::{PROGRAM, Ports, chart, folder, kill, patients};
use tempfile::TempDir;

/// A subgraph request as a proxy saw it.
#[derive(Clone, Debug)]
struct Seen {
    subgraph: &'static str,
    begun: Instant,
    ended: Instant,
}

#[derive(Clone)]
struct Proxy {
    subgraph: &'static str,
    target: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    http: reqwest::Client,
}

/// How long each request is held, so that requests of one wave overlap for certain.
const HOLD: Duration = Duration::from_millis(300);

async fn forward(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let begun = Instant::now();
    tokio::time::sleep(HOLD).await;
    let mut request = proxy.http.post(&proxy.target).body(body);
    for name in ["content-type", "accept", "authorization"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("the subgraph answers");
    let kind = answer.headers()[CONTENT_TYPE].clone();
    let (status, body) = (answer.status(), answer.bytes().await.expect("a body"));
    let seen = Seen { subgraph: proxy.subgraph, begun, ended: Instant::now() };
    proxy.seen.lock().expect("not poisoned").push(seen);
    (status, [(CONTENT_TYPE, kind)], body)
}

#[tokio::test]
async fn the_chart_costs_four_requests_in_two_waves_for_one_patient_and_for_a_hundred() {
    let mut apart = Apart::without_router().await;
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    for (subgraph, offset) in SUBGRAPHS.into_iter().zip(1..) {
        let target = format!("http://127.0.0.1:{}/graphql", apart.ports.base + offset);
        let proxy = Proxy { subgraph, target, seen: seen.clone(), http: reqwest::Client::new() };
        let routes =
            Router::new().route("/graphql", post(forward)).route("/readyz", get(async || "")).with_state(proxy);
        let url = serve(routes).await + "/graphql";
        apart.variables.push((format!("HEALTHBRIDGE__SUBGRAPHS__{}__URL", subgraph.to_uppercase()), url));
    }
    apart.start_router().await;
    let admin = apart.admin().await;
    let id = patients(&admin, 1).await.remove(0);
    let hundred = chart()
        .replace("query PatientChart($id: ID!) {", "query Charts {")
        .replacen("patient(id: $id) {", "patients(first: 100) { nodes {", 1)
        .replacen("}\n}", "} } }", 1);
    for (query, variables) in [(chart(), json!({ "id": id })), (hundred, Value::Null)] {
        seen.lock().expect("not poisoned").clear();
        let data = admin.data(&query, variables).await;
        let first = data["patient"].as_object().or(data["patients"]["nodes"][0].as_object()).expect("a patient");
        assert!(first["totalCost"]["byCurrency"][0]["net"]["amount"].is_string(), "{first:?}");
        let seen = seen.lock().expect("not poisoned").clone();
        let mut names: Vec<_> = seen.iter().map(|one| one.subgraph).collect();
        names.sort_unstable();
        assert_eq!(names, ["billing", "diagnosis", "imaging", "patients"], "each subgraph is asked once");
        let (first, second): (Vec<_>, Vec<_>) = seen.iter().partition(|one| one.subgraph == "patients");
        let begins = second.iter().map(|one| one.begun);
        let ends = second.iter().map(|one| one.ended);
        assert!(first[0].ended <= begins.clone().min().expect("three"), "the second wave waits for the first");
        assert!(begins.max() < ends.min(), "the second wave's requests run at once");
    }
}

#[tokio::test]
async fn without_billing_the_chart_comes_and_one_error_names_what_is_missing() {
    let mut apart = Apart::without_router().await;
    apart.start_router().await;
    let admin = apart.admin().await;
    let id = patients(&admin, 1).await.remove(0);
    let whole = admin.data(&chart(), json!({ "id": id })).await;
    assert!(whole["patient"]["totalCost"]["byCurrency"].is_array());
    apart.stop("billing");
    let answer = admin.ask(&chart(), json!({ "id": id })).await;
    let patient = &answer.body["data"]["patient"];
    assert_eq!((answer.status.as_u16(), &patient["totalCost"]), (200, &Value::Null));
    assert_eq!((&patient["name"], &patient["reports"]), (&whole["patient"]["name"], &whole["patient"]["reports"]));
    assert_eq!(patient["images"]["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(answer.codes(), ["SUBGRAPH_UNAVAILABLE"], "{}", answer.body["errors"]);
    assert_eq!(answer.body["errors"][0]["extensions"]["service"], json!("billing"));
    assert_eq!(answer.body["errors"][0]["path"], json!(["patient", "totalCost"]));
    let ready: Value = reqwest::get(format!("http://127.0.0.1:{}/readyz", apart.ports.base))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(ready["subgraphs"]["billing"], json!("unavailable"));
    apart.spawn(&["subgraph", "billing"]);
    apart.wait_for(&format!("http://127.0.0.1:{}/readyz", apart.ports.base + 4)).await;
    assert_eq!(admin.data(&chart(), json!({ "id": id })).await["patient"]["totalCost"], whole["patient"]["totalCost"]);
}

#[tokio::test]
async fn revocations_that_cannot_be_polled_are_told_by_readiness_and_metrics_and_stop_nobody() {
    let mut apart = Apart::without_router().await;
    apart.start_router().await;
    let (admin, router, billing) = (apart.admin().await, apart.ports.base, apart.ports.base + 4);
    let ready = async |port: u16| -> Value {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/readyz")).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        answer.json().await.expect("JSON")
    };
    let becomes = async |port: u16, state: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while ready(port).await["revocations"] != json!(state) {
            assert!(Instant::now() < deadline, "{port} is not {state}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(
        (&ready(router).await["revocations"], &ready(billing).await["revocations"]),
        (&json!("ok"), &json!("ok"))
    );
    apart.stop("patients");
    becomes(router, "stale").await;
    becomes(billing, "stale").await;
    assert_eq!(
        reqwest::get(format!("http://127.0.0.1:{billing}/metrics")).await.expect("an answer").status().as_u16(),
        404
    );
    let metrics = apart.ports.base + METRICS + 4;
    let metrics = reqwest::get(format!("http://127.0.0.1:{metrics}/metrics")).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let age = metrics.lines().find_map(|line| line.strip_prefix("healthbridge_revocations_age_seconds "));
    assert!(age.and_then(|age| age.parse::<f64>().ok()).is_some_and(|age| age > 4.0), "{metrics}");
    assert!(admin.data("{ billings { nodes { id } } }", Value::Null).await["billings"]["nodes"].is_array());
    apart.spawn(&["subgraph", "patients"]);
    becomes(router, "ok").await;
    becomes(billing, "ok").await;
}

#[tokio::test]
async fn what_is_revoked_is_refused_within_five_seconds_at_the_router_and_at_each_subgraph() {
    let mut apart = Apart::without_router().await;
    apart.start_router().await;
    // A second one of each, as a load balancer would have them.
    for (subgraph, offset) in SUBGRAPHS.iter().zip(6..) {
        let (listen, metrics) = (apart.ports.base + offset, apart.ports.base + METRICS + offset - 5);
        let key = format!("HEALTHBRIDGE__SUBGRAPHS__{}", subgraph.to_uppercase());
        apart.variables.push((format!("{key}__LISTEN"), format!("127.0.0.1:{listen}")));
        // Another address of this machine: the first one's port is taken.
        apart.variables.push((format!("{key}__METRICS_LISTEN"), format!("127.0.0.2:{metrics}")));
        apart.spawn(&["subgraph", subgraph]);
    }
    let listen = format!("127.0.0.1:{}", apart.ports.base + SECOND_ROUTER);
    apart.variables.push(("HEALTHBRIDGE__ROUTER__LISTEN".to_owned(), listen));
    apart.spawn(&["router"]);
    let doors = [0, 1, 2, 3, 4, 6, 7, 8, 9, SECOND_ROUTER];
    for offset in doors {
        apart.wait_for(&format!("http://127.0.0.1:{}/readyz", apart.ports.base + offset)).await;
    }
    let router = Client::new(&format!("http://127.0.0.1:{}", apart.ports.base));
    for how in ["sign out", "deactivation"] {
        let email = format!("{}@example.test", how.replace(' ', "-"));
        apart.finish(&["user", "create-admin", "--email", &email], "correct horse battery staple\n");
        let sign_in = "mutation ($email: String!) { signIn(input: { email: $email, password: \"correct horse battery staple\" }) {
            accessToken user { id } } }";
        let signed_in = router.data(sign_in, json!({ "email": email })).await["signIn"].clone();
        let token = signed_in["accessToken"].as_str().expect("a token");
        let doors: Vec<Client> = doors
            .iter()
            .map(|offset| Client::new(&format!("http://127.0.0.1:{}", apart.ports.base + offset)).with_token(token))
            .collect();
        for door in &doors {
            assert_eq!(door.ask("{ __typename }", Value::Null).await.status.as_u16(), 200);
        }
        if how == "sign out" {
            doors[0].data("mutation { signOut { ok } }", Value::Null).await;
        } else {
            let deactivate = "mutation ($id: ID!) { deactivateUser(input: { userId: $id, reason: \"a test\" }) { user { active } } }";
            apart.admin().await.data(deactivate, json!({ "id": signed_in["user"]["id"] })).await;
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        for door in &doors {
            while door.ask("{ __typename }", Value::Null).await.status.as_u16() != 401 {
                assert!(Instant::now() < deadline, "{how}: a door is open after five seconds");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_subgraphs_role_reaches_its_own_schema_only() {
    let apart = Apart::without_router().await;
    let url = |key: &str| {
        let name = format!("HEALTHBRIDGE__{key}");
        apart.variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).expect("a URL")
    };
    let options = healthbridge_postgres::connect_options(&url("SUBGRAPHS__BILLING__DATABASE_URL")).expect("a URL");
    let pool = healthbridge_postgres::pool(options, 1);
    sqlx::query("SELECT id FROM billing.billing LIMIT 1").execute(&pool).await.expect("its own schema");
    for statement in [
        "SELECT id FROM patients.patient LIMIT 1",
        "DROP TRIGGER movement_only_grows ON billing.movement",
        "DELETE FROM billing.movement",
        "UPDATE billing.posting SET amount = 1",
    ] {
        assert!(sqlx::query(statement).execute(&pool).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_router_without_keys_starts_only_when_it_is_told_to() {
    let ports = Ports::reserve();
    let listen = format!("127.0.0.1:{}", ports.base);
    let refused = Command::new(PROGRAM).args(["router", "--listen", &listen]).output().expect("it runs");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("enforces no scopes"));
    let supergraph = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/supergraph.graphql");
    let mut command = Command::new(PROGRAM);
    command.args(["router", "--listen", &listen, "--insecure-no-auth", "--supergraph"]).arg(supergraph);
    let mut router = command.stdin(Stdio::null()).spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(30);
    let client = Client::new(&format!("http://{listen}"));
    let answer = loop {
        match client.try_ask("{ __typename }", Value::Null).await {
            Ok(answer) => break answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    kill(router.id(), "TERM");
    drop(router.wait());
    assert_eq!(answer.body["data"]["__typename"], json!("Query"), "{}", answer.body);
}

#[test]
fn a_key_of_the_configuration_that_is_unknown_missing_or_out_of_bounds_is_named() {
    let folder = folder();
    let file = folder.path().join("healthbridge.toml");
    let check = |content: &str| {
        std::fs::write(&file, content).expect("written");
        let output = Command::new(PROGRAM).arg("check-config").arg("--config").arg(&file).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (well, error) = check("[router]\nlissten = \"127.0.0.1:1\"\n");
    assert!(!well && error.contains("lissten"), "{error}");
    let (well, error) = check("[limits]\nrequests = 0\n");
    assert!(!well && error.contains("limits.requests") && error.contains("from 1"), "{error}");
    let (well, error) = check("");
    assert!(!well && error.contains("public_url") && error.contains("database.url"), "{error}");
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/example.toml");
    let (well, error) = check(&in_folder(&folder, &std::fs::read_to_string(example).expect("the example")));
    assert!(well, "{error}");
}

/// The example with its secrets in files of the test's own.
fn in_folder(folder: &TempDir, example: &str) -> String {
    for line in example.lines().filter(|line| line.contains("/run/secrets/")) {
        let name = line.split('"').nth(1).and_then(|path| path.rsplit('/').next()).expect("a file's name");
        let digits = "5a".repeat(32);
        let secret = if name == "totp_key" { &digits } else { "postgres://somebody@localhost/healthbridge" };
        std::fs::write(folder.path().join(name), secret).expect("written");
    }
    example.replace("/run/secrets", &folder.path().display().to_string())
}
