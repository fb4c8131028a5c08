//! Roles that start before what they need does, and what they do to it before others come.

mod stack;

use std::{
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use healthbridge_testkit::{TestDatabase, TestStorage, serve};
use stack::{PROGRAM, Ports, alone::Alone};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    process::Command,
};

/// Runs a role that ends by itself.
async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null());
    command.envs(settings.iter().map(|(key, value)| (format!("HEALTHBRIDGE__{key}"), value)));
    command.output().await.expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A database server that hangs up on its first clients, as one does that is starting; gives the URL of this database.
async fn starting(database: &TestDatabase, hangs_up: usize) -> String {
    let options = &database.options;
    let socket = options.get_socket().expect("a socket").join(format!(".s.PGSQL.{}", options.get_port()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        for number in 0.. {
            let (mut client, _) = listener.accept().await.expect("a client");
            if number >= hangs_up {
                let mut server = UnixStream::connect(&socket).await.expect("the test server");
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        }
    });
    format!("postgres://{}@{address}/{}", options.get_username(), options.get_database().expect("a name"))
}

#[tokio::test]
async fn a_database_that_is_starting_is_waited_for_and_one_that_refuses_is_not() {
    let database = TestDatabase::empty().await;
    let url = starting(&database, 3).await;
    let migrated = run(&["migrate"], &[("DATABASE__URL", &url)]).await;
    let told = text(&migrated.stderr);
    assert!(migrated.status.success(), "{told}");
    assert!(text(&migrated.stdout).contains("migrated billing"), "{}", text(&migrated.stdout));
    assert_eq!(told.matches("waiting for the database").count(), 3, "{told}");

    let url = starting(&database, 0).await + "_which_is_not_there";
    let refused = run(&["migrate"], &[("DATABASE__URL", &url)]).await;
    let told = text(&refused.stderr);
    assert!(!refused.status.success() && told.contains("does not exist") && !told.contains("waiting"), "{told}");
}

/// A bucket's rules, at a storage that is not ready for its first requests.
#[derive(Default)]
struct Rules {
    not_ready: u32,
    xml: Option<String>,
}

async fn storage_with_rules(State(rules): State<Arc<Mutex<Rules>>>, request: Request) -> Response {
    let method = request.method().clone();
    let is_of_rules = request.uri().path().trim_end_matches('/') == "/imaging"
        && request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.trim_end_matches('=') == "cors"));
    let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.expect("a body");
    let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
    if rules.not_ready > 0 {
        rules.not_ready -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match (method, &rules.xml) {
        (Method::GET, Some(xml)) if is_of_rules => xml.clone().into_response(),
        (Method::GET, None) if is_of_rules => {
            let none = "<Error><Code>NoSuchCORSConfiguration</Code><Message>none</Message></Error>";
            (StatusCode::NOT_FOUND, none).into_response()
        }
        (Method::PUT, _) if is_of_rules => {
            rules.xml = Some(text(&body));
            StatusCode::OK.into_response()
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn prepare(endpoint: &str, origins: &str) -> Output {
    let settings = [
        ("PUBLIC_URL", "https://graph.example.org/behind/a/path"),
        ("ROUTER__ALLOWED_ORIGINS", origins),
        ("STORAGE__INTERNAL_ENDPOINT", endpoint),
        ("STORAGE__ACCESS_KEY_ID", "HBTEST"),
        ("STORAGE__SECRET_ACCESS_KEY", "a-secret-of-the-test"),
    ];
    run(&["storage", "prepare"], &settings).await
}

#[tokio::test]
async fn a_bucket_lets_in_pages_of_the_allowed_origins_and_keeps_the_rules_of_others() {
    let foreign = "<CORSRule><ID>theirs</ID><AllowedOrigin>https://pacs.example.org</AllowedOrigin>\
                   <AllowedMethod>GET</AllowedMethod></CORSRule>";
    let xml = Some(format!("<CORSConfiguration>{foreign}</CORSConfiguration>"));
    // More than a client tries by itself.
    let rules = Arc::new(Mutex::new(Rules { not_ready: 4, xml }));
    let storage = serve(Router::new().fallback(storage_with_rules).with_state(rules.clone())).await;
    let kept = || rules.lock().unwrap_or_else(PoisonError::into_inner).xml.clone().expect("rules");

    let prepared = prepare(&storage, "https://ward.example.org,https://lab.example.org").await;
    let told = text(&prepared.stderr);
    assert!(prepared.status.success() && told.contains("waiting for the storage"), "{told}");
    let first = kept();
    for part in [
        "<ID>theirs</ID>",
        "<AllowedOrigin>https://pacs.example.org</AllowedOrigin>",
        "<AllowedOrigin>https://graph.example.org</AllowedOrigin>",
        "<AllowedOrigin>https://ward.example.org</AllowedOrigin>",
        "<AllowedOrigin>https://lab.example.org</AllowedOrigin>",
        "<AllowedMethod>PUT</AllowedMethod>",
        "<AllowedHeader>*</AllowedHeader>",
        "<ExposeHeader>x-amz-checksum-sha256</ExposeHeader>",
    ] {
        assert!(first.contains(part), "{part} is missing in {first}");
    }

    // Another time, with an origin less: ours is replaced.
    assert!(prepare(&storage, "https://ward.example.org").await.status.success());
    let second = kept();
    assert!(second.contains("ward.example.org") && !second.contains("lab.example.org"), "{second}");
    assert_eq!(second.matches("<CORSRule>").count(), 2, "{second}");
}

#[tokio::test]
async fn a_storage_that_takes_no_rules_is_left_to_answer_browsers_by_itself() {
    let storage = TestStorage::start().await;
    let prepared = prepare(&storage.location.internal_endpoint, "").await;
    assert!(prepared.status.success(), "{}", text(&prepared.stderr));
    let told = text(&prepared.stdout);
    assert!(told.contains("takes no CORS rules") && told.contains("https://graph.example.org"), "{told}");
    // And it does.
    let preflight = reqwest::Client::new()
        .request(Method::OPTIONS, format!("{}/imaging/any", storage.location.public_endpoint))
        .header("origin", "https://graph.example.org")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type,x-amz-checksum-sha256");
    let answer = preflight.send().await.expect("an answer");
    assert!(answer.status().is_success() && answer.headers().contains_key("access-control-allow-origin"), "{answer:?}");
}

#[tokio::test]
async fn a_variable_that_is_empty_says_nothing() {
    let router = Alone::start(&[("ROUTER__ALLOWED_ORIGINS", ""), ("ROUTER__TRUSTED_PROXIES", "")]).await;
    assert_eq!(reqwest::get(router.url("/healthz")).await.expect("an answer").status().as_u16(), 200);
}

#[tokio::test]
async fn a_router_writes_its_log_in_json_where_it_is_told_so() {
    let ports = Ports::reserve();
    let address = format!("127.0.0.1:{}", ports.base);
    let mut command = Command::new(PROGRAM);
    command.args(["router", "--listen", &address, "--insecure-no-auth"]).stdin(Stdio::null()).kill_on_drop(true);
    command.envs([("HEALTHBRIDGE_LOG", "info"), ("HEALTHBRIDGE__LOG_FORMAT", "json")]);
    command.env("HEALTHBRIDGE__ROUTER__METRICS_LISTEN", format!("127.0.0.1:{}", ports.base + 1001));
    command.env("HEALTHBRIDGE__SUBGRAPHS__BILLING__URL", format!("http://127.0.0.1:{}/graphql", ports.base + 4));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let url = format!("http://{address}/readyz");
    while reqwest::get(&url).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stack::kill(child.id().expect("it runs"), "TERM");
    let output = child.wait_with_output().await.expect("it ends");
    let log = text(&output.stdout) + &text(&output.stderr);
    let lines: Vec<_> = log.lines().filter(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "nothing is logged");
    for line in &lines {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
    // Which of its parts cannot be reached, and why: nothing listens there.
    let unreachable = lines.iter().find(|line| line.contains("billing is unavailable")).expect("a line");
    assert!(unreachable.contains("onnection refused"), "{unreachable}");
}
