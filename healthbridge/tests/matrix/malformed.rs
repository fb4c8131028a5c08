//! What no mutation may take: wrong types, huge texts, control and direction characters, half characters, dates out of range.
//! Made for every field of every input from the SDL.

use std::collections::HashMap;

use healthbridge_testkit::Client;
use serde_json::{Value, json};

use crate::{asking::Hospital, graph::Graph, rights::need};

/// In the JSON text this becomes half of a surrogate pair, which no Rust string can hold.
const HALF: &str = "HALF-OF-A-PAIR";

/// A value that is wrong in an input, and where: a path of names and places.
struct Wrong {
    path: Vec<String>,
    value: Value,
}

/// What is wrong for a type, whatever the field.
fn wrong_for(graph: &Graph, type_name: &str) -> Vec<Value> {
    let long = "x".repeat(100_000);
    let texts = ["a\u{0}b", "a\u{202E}b", "a\u{7}b", HALF, &long].map(|text| json!(text)).to_vec();
    let not_texts = [json!(12.5), json!(true), json!({ "a": 1 })].to_vec();
    match type_name {
        "String" => [texts, not_texts].concat(),
        "ID" => [texts, vec![json!(true), json!({ "a": 1 })]].concat(),
        "Int" => vec![json!("x"), json!(1.5), json!(3_000_000_000_i64), json!(true)],
        "Boolean" => vec![json!("x"), json!(2)],
        "UUID" => vec![json!("x"), json!(7), json!("a\u{0}b")],
        "Date" => vec![json!("2026-02-30"), json!("yesterday"), json!("+10000-01-01"), json!(20_260_101), json!(HALF)],
        "DateTime" => vec![json!("2026-13-01T00:00:00Z"), json!("now"), json!("99999-01-01T00:00:00Z"), json!(0)],
        "Decimal" => vec![json!("x"), json!("NaN"), json!("1e400"), json!("1.2.3"), json!({ "a": 1 })],
        "CurrencyCode" => vec![json!("XYZ1"), json!(""), json!(7)],
        "BigInt" => vec![json!("x"), json!("99999999999999999999999"), json!(true)],
        name if graph.is_enum(name) => vec![json!("NO_SUCH_VALUE"), json!(7)],
        other => panic!("teach the test what is wrong for the scalar {other}"),
    }
}

/// Everything that is wrong somewhere in an input.
fn wrongs(graph: &Graph, input: &str, path: &[String], all: &mut Vec<Wrong>) {
    for (name, type_name) in graph.input(input).expect("an input") {
        let base = type_name.trim_matches(['[', ']', '!']);
        let mut path = path.to_vec();
        path.push(name.clone());
        if type_name.starts_with('[') {
            all.push(Wrong { path: path.clone(), value: json!({ "a": 1 }) });
            path.push("0".to_owned());
        }
        if graph.input(base).is_some() {
            all.push(Wrong { path: path.clone(), value: json!("text") });
            wrongs(graph, base, &path, all);
        } else {
            all.extend(wrong_for(graph, base).into_iter().map(|value| Wrong { path: path.clone(), value }));
        }
    }
}

/// An input that is right but for one value. What is missing on the way there is made up.
fn spoil(graph: &Graph, input: &str, value: &mut Value, wrong: &Wrong, depth: usize) {
    let name = &wrong.path[depth];
    let type_name = &graph.input(input).expect("an input").iter().find(|(one, _)| one == name).expect("a field").1;
    let base = type_name.trim_matches(['[', ']', '!']);
    let is_list = type_name.starts_with('[') && wrong.path.get(depth + 1).is_some_and(|next| next == "0");
    let next = depth + 1 + usize::from(is_list);
    if next == wrong.path.len() {
        value[name] = if is_list { json!([wrong.value]) } else { wrong.value.clone() };
        return;
    }
    let mut inner = if value[name].is_object() { value[name].clone() } else { filled(graph, base) };
    spoil(graph, base, &mut inner, wrong, next);
    value[name] = if is_list { json!([inner]) } else { inner };
}

/// An inner input with right values where they are needed.
fn filled(graph: &Graph, input: &str) -> Value {
    let fields = graph.input(input).expect("an input").iter().filter(|(_, type_name)| type_name.ends_with('!'));
    let right = |type_name: &str| match type_name.trim_end_matches('!') {
        "ContactSystem" => json!("PHONE"),
        "IdentifierUse" => json!("USUAL"),
        "NameUse" => json!("OFFICIAL"),
        "Weekday" => json!("MON"),
        "Decimal" => json!("1"),
        "CurrencyCode" => json!("EUR"),
        list if list.starts_with('[') => json!([]),
        _ => json!("right"),
    };
    fields.map(|(name, type_name)| (name.clone(), right(type_name))).collect::<serde_json::Map<_, _>>().into()
}

/// How an input was refused: the codes of errors, or of refusals with their fields.
fn refusal(answer: &Value, mutation: &str) -> Option<String> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    let mut codes: Vec<&str> = errors.filter_map(|error| error["extensions"]["code"].as_str()).collect();
    let refusals = answer["data"][mutation]["userErrors"].as_array().into_iter().flatten();
    codes.extend(refusals.filter(|error| error["field"].is_array()).filter_map(|error| error["code"].as_str()));
    (!codes.is_empty()).then(|| codes.join(" "))
}

async fn send(client: &Client, query: &str, input: &Value) -> (u16, Value) {
    let body = json!({ "query": query, "variables": { "input": input } }).to_string();
    let (status, text) = client.post(body.replace(HALF, "a\\ud800b")).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}")))
}

#[tokio::test]
async fn malformed_input_is_refused_with_a_code_by_every_mutation_and_nothing_is_stored() {
    let hospital = Hospital::open().await;
    let before = hospital.state().await;
    let mut failed = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for door in &hospital.doors {
        let client = hospital.omniscient(door);
        for root in door.graph.roots("Mutation") {
            let Some((_, input, _)) = root.arguments.first() else { continue };
            let input = input.trim_end_matches('!');
            let query = format!(
                "mutation ($input: {input}!) {{ {name}(input: $input) {{ userErrors {{ code field }} }} }}",
                name = root.name
            );
            need(&root.name);
            let mut all = Vec::new();
            wrongs(&door.graph, input, &[], &mut all);
            for wrong in all {
                let mut value = hospital.input(&root.name);
                spoil(&door.graph, input, &mut value, &wrong, 0);
                let (status, answer) = send(&client, &query, &value).await;
                let short: String = wrong.value.to_string().chars().take(40).collect();
                let place = format!("{} at {}: {} = {short}", root.name, door.name, wrong.path.join("."));
                match refusal(&answer, &root.name) {
                    Some(refusal) if status < 500 && !refusal.contains("INTERNAL") => {
                        *seen.entry(refusal).or_default() += 1;
                    }
                    _ => failed.push(format!("{place}: {status} {answer}")),
                }
            }
        }
    }
    assert!(failed.is_empty(), "taken, or refused without a code and a field: {failed:#?}");
    assert_eq!(hospital.state().await, before, "something was stored");
    let count: usize = seen.values().sum();
    println!("{count} malformed inputs: {seen:#?}");
    assert!(count >= 500, "{count}");
}
