//! Every door, router and subgraphs alike, against requests that mean to stop, slow or read a process. One `up` for all.

mod stack;

use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, alone::Alone, chart, is_running};

/// Longer than anything may take that is refused, on a busy machine with a development build.
const AT_ONCE: Duration = Duration::from_secs(10);

/// The router and the four subgraphs.
fn doors(stack: &Stack) -> Vec<(u16, Client)> {
    (0..=4).map(|offset| (offset, Client::new(&stack.url(offset)))).collect()
}

/// Sends a document to every door, which must refuse it with this code, soon.
async fn refused(stack: &Stack, what: &str, body: &Value, code: &str) {
    for (offset, door) in doors(stack) {
        let begun = Instant::now();
        let (_, text) = door.post(body.to_string()).await;
        assert!(begun.elapsed() < AT_ONCE, "{what} at door {offset} took {:?}", begun.elapsed());
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what} at door {offset}: {text}"));
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{what} at door {offset}: {text}");
        assert!(answer["data"].is_null(), "{what} at door {offset}: {text}");
    }
}

/// `count` fragments of which each spreads the next one `width` times.
fn fragments(count: usize, width: usize) -> String {
    let one =
        |index: usize| format!("fragment f{index} on Query {{ {} }} ", format!("...f{} ", index + 1).repeat(width));
    let all: String = (0..count).map(one).collect();
    format!("{{ ...f0 }} {all} fragment f{count} on Query {{ __typename }}")
}

#[tokio::test]
async fn no_request_stops_slows_or_reads_a_process() {
    let stack = Stack::start();
    let before = stack.processes();
    let document = |query: String| json!({ "query": query });

    for depth in [100, 10_000, 400_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for key in ["variables", "extensions", "unknown"] {
            let body = format!(r#"{{"query": "{{ __typename }}", "{key}": {{"a": {nested}}}}}"#);
            for (offset, door) in doors(&stack) {
                let (status, text) = door.post(body.clone()).await;
                assert_eq!(status, 400, "{depth} levels of {key} at door {offset}: {text}");
                assert!(text.contains("BAD_REQUEST"), "{text}");
            }
        }
    }
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        for depth in [100, 400, 5000] {
            let query = format!("{{ patient(id: {}1{}) {{ id }} }}", open.repeat(depth), close.repeat(depth));
            refused(&stack, "a deep literal", &document(query), "GRAPHQL_VALIDATION_FAILED").await;
        }
    }
    for depth in [100, 400, 4000] {
        // A block string that does not end: a parser may read it as two short ones and go on.
        let query = format!("{{ a(b: [\"\"\"\"{}{}]) }}", "[".repeat(depth), "]".repeat(depth));
        refused(&stack, "a literal behind a string that does not end", &document(query), "GRAPHQL_PARSE_FAILED").await;
    }
    let variables: String = (0..100).fold(String::new(), |all, number| all + &format!("$v{number}: Int "));
    let query = format!("query {}({variables}) {{ __typename }}", "N".repeat(1_000_000));
    refused(&stack, "a name that errors repeat", &document(query), "GRAPHQL_VALIDATION_FAILED").await;
    for depth in [100, 4000] {
        let query = format!("{}__typename{}", "{ a ".repeat(depth), "}".repeat(depth));
        refused(&stack, "deep selections", &document(query), "GRAPHQL_VALIDATION_FAILED").await;
    }
    for (count, width) in [(6, 12), (20, 2), (60, 5), (400, 1)] {
        let query = fragments(count, width);
        refused(&stack, "fragments that multiply", &document(query), "GRAPHQL_VALIDATION_FAILED").await;
    }
    for field in ["__typename ", "a: __typename ", "me { id } ", "... { __typename } "] {
        let query = format!("{{ {} }}", field.repeat(1500));
        refused(&stack, "the same field again and again", &document(query), "GRAPHQL_VALIDATION_FAILED").await;
    }
    let circles = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    refused(&stack, "introspection in circles", &document(circles.to_owned()), "GRAPHQL_VALIDATION_FAILED").await;
    let several = "query a { __typename } mutation b { __typename }";
    for (offset, door) in doors(&stack) {
        let answer = door.ask(several, Value::Null).await;
        assert_eq!(answer.codes(), ["OPERATION_RESOLUTION_FAILURE"], "door {offset}: {}", answer.body);
    }
    for kind in [
        "text/plain;application/json",
        "text/plain",
        "multipart/form-data; boundary=application/json",
        "application/jsonx",
    ] {
        for offset in 0..=4 {
            let post = reqwest::Client::new().post(format!("{}/graphql", stack.url(offset)));
            let answer = post.header("content-type", kind).body(r#"{"query":"{__typename}"}"#).send().await;
            let status = answer.expect("an answer").status().as_u16();
            assert!([403, 415].contains(&status), "{kind} at door {offset}: {status}");
        }
    }
    for (offset, door) in doors(&stack) {
        assert_eq!(door.ask("{ __typename }", Value::Null).await.body["data"]["__typename"], "Query", "door {offset}");
    }
    assert_eq!(stack.processes(), before, "nothing has ended or begun");
}

#[tokio::test]
async fn of_thousands_of_mistakes_in_a_document_the_first_are_told_and_the_others_counted() {
    let stack = Stack::start();
    let query = (0..9000).fold("{ ".to_owned(), |query, number| query + &format!("f{number} ")) + "}";
    for (offset, door) in doors(&stack) {
        let answer = door.ask(&query, Value::Null).await.body;
        let errors = answer["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 21, "door {offset}");
        assert_eq!(errors[20]["message"], "There are 8980 more errors in the document", "door {offset}");
        assert_eq!(errors[20]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "door {offset}");
    }
}

#[tokio::test]
async fn parameters_in_a_url_are_checked_one_by_one() {
    let stack = Stack::start();
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(3000), "]".repeat(3000));
    // A quote in one parameter must not hide the brackets of the next one.
    for parameters in [
        vec![("query", "{ __typename }"), ("variables", nested.as_str())],
        vec![("query", "{ a(b: \"\\\") }"), ("operationName", "\""), ("extensions", nested.as_str())],
    ] {
        let get = reqwest::Client::new().get(format!("{}/graphql", stack.url(0))).query(&parameters);
        let answer = get.header("x-requested-with", "a test").send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 400);
        assert!(answer.text().await.expect("text").contains("nested more than"));
    }
    // A page of another origin may send this without being asked first.
    let bare = reqwest::get(format!("{}/graphql?query={{__typename}}", stack.url(0))).await.expect("an answer");
    assert_eq!(bare.status().as_u16(), 403);
}

/// A linear congruential generator: the same texts in every run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A text of words and signs that is rarely GraphQL.
fn text(state: &mut u64) -> String {
    const PIECES: [&str; 24] = [
        "{", "}", "(", ")", "[", "]", ":", "$", "@", "!", "...", "|", "=", "&", "query", "mutation", "fragment", "on",
        "\"", "\"\"\"", "1.5e", "-", "é", "#",
    ];
    let mut text = String::new();
    for _ in 0..=random(state) % 12 {
        match random(state) % 3 {
            0 => {
                let letter = char::from(b'a' + u8::try_from(random(state) % 26).expect("small"));
                text.extend(std::iter::repeat_n(letter, usize::try_from(random(state) % 60).expect("small")));
            }
            1 => text.push_str(PIECES[usize::try_from(random(state) % 24).expect("small")]),
            _ => text.push(' '),
        }
    }
    text
}

#[tokio::test]
async fn every_byte_of_a_syntax_error_is_ours_or_the_clients() {
    let router = Alone::start(&[]).await;
    let client = router.client();
    let mut state = 7;
    let texts: Vec<String> = (0..10_000).map(|_| text(&mut state)).collect();
    let asked =
        stream::iter(&texts).map(async |query| (query, client.post(json!({ "query": query }).to_string()).await));
    let answers: Vec<(&String, (u16, String))> = asked.buffer_unordered(16).collect().await;
    let mut errors = 0;
    for (query, (_, bytes)) in answers {
        let answer: Value = serde_json::from_str(&bytes).expect("JSON");
        let Some(message) = answer["errors"][0]["message"].as_str() else { continue };
        let Some(reason) = message.strip_prefix("Syntax error: ") else { continue };
        errors += 1;
        // What is quoted is the client's; the rest is a handful of words.
        let mut rest = reason.to_owned();
        if let (Some(from), Some(to)) = (reason.find('`'), reason.rfind('`').or(Some(reason.len()))) {
            let quoted = if from == to { &reason[from + 1..] } else { &reason[from + 1..to] };
            let token = quoted.split_once('[').map_or(quoted, |(token, _)| token).trim_end_matches('…');
            let shown = query.replace(char::is_control, "\u{FFFD}");
            assert!(shown.contains(token) || token.is_empty(), "{query:?} gives {message:?}");
            rest.replace_range(from..if from == to { reason.len() } else { to + 1 }, "");
        }
        let known = |char: char| char.is_ascii_alphanumeric() || " .,{}()[]:$@!|=&\"'-…\\é#".contains(char);
        assert!(rest.chars().all(known), "{query:?} gives {message:?}");
    }
    assert!(errors > 5000, "most texts are no GraphQL: {errors}");
}

#[tokio::test]
async fn what_asks_for_too_much_is_refused_with_its_cost_and_the_charts_go_through() {
    let stack = Stack::start();
    let round = "images(first: 100) { nodes { patient { ";
    let query = format!("{{ patient(id: \"1\") {{ {} id {} }} }}", round.repeat(3), "} } }".repeat(3));
    let answer = stack.router().ask(&query, Value::Null).await;
    assert_eq!(answer.codes(), ["QUERY_TOO_COSTLY"]);
    let extensions = &answer.body["errors"][0]["extensions"];
    assert!(extensions["cost"].as_u64() > extensions["limit"].as_u64(), "{}", answer.body);

    let imaging = Client::new(&stack.url(2));
    let entities = |representations: &str| {
        format!(
            "{{ _entities(representations: {representations}) {{ ... on Patient {{ images(first: 100) {{ nodes {{ id fileName }} }} }} }} }}"
        )
    };
    let literal = |count: usize| format!("[{}]", "{__typename: \"Patient\", id: \"1\"} ".repeat(count));
    assert_eq!(imaging.ask(&entities(&literal(900)), Value::Null).await.codes(), ["QUERY_TOO_COSTLY"]);
    for query in [
        format!("{{ _entities(representations: {}) {{ __typename }} }}", literal(5000)),
        format!(
            "{{ a: _entities(representations: {0}) {{ __typename }} b: _entities(representations: {0}) {{ __typename }} }}",
            literal(501)
        ),
    ] {
        assert_eq!(imaging.ask(&query, Value::Null).await.codes(), ["BAD_USER_INPUT"]);
    }

    let doctor = stack.sign_in("doctor").await;
    let id = stack::patients(&doctor, 1).await.remove(0);
    doctor.data(&chart(), json!({ "id": id })).await;
    let whole = chart()
        .replace("query PatientChart($id: ID!)", "query Charts")
        .replace("patient(id: $id) {", "patients(first: 100) { nodes {");
    let charts = doctor.data(&format!("{whole} }}"), Value::Null).await;
    assert!(charts["patients"]["nodes"].as_array().is_some_and(|nodes| nodes.len() > 20), "{charts}");
}

#[tokio::test]
async fn metrics_are_no_clients_business_and_have_no_label_of_a_clients_choice() {
    let stack = Stack::start();
    let name = format!("Named{}", "x".repeat(200));
    let answer = stack.router().ask(&format!("query {name} {{ __typename }}"), Value::Null).await;
    assert_eq!(answer.status.as_u16(), 200);
    for offset in (0..=4).chain([1000]) {
        let public = reqwest::get(format!("{}/metrics", stack.url(offset))).await.expect("an answer");
        assert!(!public.status().is_success(), "door {offset} serves metrics to clients");
    }
    for offset in [1001, 1002] {
        let own = reqwest::get(format!("{}/metrics", stack.url(offset))).await.expect("an answer");
        assert!(own.status().is_success(), "metrics at {offset}");
        assert!(!own.text().await.expect("text").contains(&name), "metrics at {offset} are labelled by the client");
    }
}

#[tokio::test]
async fn a_fault_ends_the_router_at_once_and_it_is_started_again() {
    let stack = Stack::start();
    for signal in ["SEGV", "ABRT"] {
        let router = router_of(&stack);
        stack::kill(router, signal);
        let deadline = Instant::now() + AT_ONCE;
        while is_running(router) {
            assert!(Instant::now() < deadline, "SIG{signal} does not end the router");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while stack.router().try_ask("{ __typename }", Value::Null).await.is_err() {
            assert!(Instant::now() < deadline + AT_ONCE, "the router is not started again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_fault_of_the_router_ends_it_by_the_faults_own_signal() {
    for (name, number) in [("SEGV", 11), ("BUS", 7), ("ABRT", 6)] {
        let mut router = Alone::start(&[]).await;
        stack::kill(router.id(), name);
        let status = tokio::task::spawn_blocking(move || router.ended()).await.expect("no panic");
        assert_eq!(status.signal(), Some(number), "SIG{name}: {status}");
    }
}

/// Holds so many silent connections to an address, closed ones again, until it is dropped.
fn hold(address: &str, count: usize) -> Vec<std::net::TcpStream> {
    (0..count).filter_map(|_| std::net::TcpStream::connect(address).ok()).collect()
}

#[tokio::test]
async fn a_crowd_of_silent_connections_makes_no_part_look_as_if_it_hung() {
    healthbridge_process::allow_open_files();
    let stack = Stack::start();
    let before = stack.processes();
    let mut held = Vec::new();
    for round in 0..2 {
        held.clear();
        for offset in [0, 2, 1000] {
            held.extend(hold(&format!("127.0.0.1:{}", stack.ports.base + offset), 1200));
        }
        assert!(held.len() > 3000, "round {round}: {}", held.len());
        // Three missing answers, a second apart, would be a part that hangs.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    drop(held);
    assert_eq!(stack.processes(), before, "no part was started again");
    let deadline = Instant::now() + AT_ONCE;
    while stack.router().try_ask("{ patients { totalCount } }", Value::Null).await.is_err() {
        assert!(Instant::now() < deadline, "the router answers again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The process id of the router.
fn router_of(stack: &Stack) -> u32 {
    let is_router = |id: &u32| {
        let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).split('\0').nth(1) == Some("router")
    };
    stack.processes().into_iter().find(is_router).expect("a router")
}
