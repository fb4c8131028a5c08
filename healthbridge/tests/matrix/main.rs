//! Who sees what: every field of every type, through every door and on every path, for every role and the anonymous.
//!
//! The doors are the router and each subgraph; the paths are root fields, whatever is nested below them, `_entities`, lists
//! with filters as wide as they can be, and the payloads of mutations. They are made from the SDL. What is expected is not:
//! it comes from `docs/rights.md` and `rights.rs`, and the values from somebody who may see everything.

mod appointments;
mod asking;
mod graph;
mod malformed;
mod rights;
#[path = "../stack/mod.rs"]
mod stack;

use std::collections::BTreeSet;

use asking::Hospital;
use graph::{Graph, Selected};
use healthbridge_testkit::Answer;
use rights::{Rights, Sight, sight};
use serde_json::{Value, json};

/// Compares what a caller got with what somebody got who may see everything.
struct Comparison<'a> {
    hospital: &'a Hospital,
    rights: &'a Rights,
    /// For the message of a failure.
    place: String,
    /// Whether the caller sees some rows only: lists may be shorter and references null.
    is_confined: bool,
}

impl Comparison<'_> {
    fn object(&self, everything: Option<&Value>, got: &Value, selected: &[Selected]) {
        for one in selected {
            let name = Graph::answer_name(one, selected);
            let (all, own) = (everything.map(|everything| &everything[&name]), &got[&name]);
            let at = || format!("{}: {}.{}", self.place, one.parent, one.field.name);
            match sight(self.rights, &self.hospital.subgraphs, &one.parent, &one.field) {
                Sight::Nothing => assert!(own.is_null(), "{} is shown: {own}", at()),
                Sight::Reference => Self::reference(own, &one.below, &at()),
                Sight::Value => {
                    let may_miss = self.is_confined && !one.below.is_empty();
                    let same = all.is_none_or(|all| all.is_null() == own.is_null());
                    assert!(
                        same || may_miss,
                        "{} is not what may be seen: {own} instead of {}",
                        at(),
                        all.unwrap_or(&Value::Null)
                    );
                    self.value(all, own, &one.below, &at());
                }
            }
        }
    }

    fn value(&self, everything: Option<&Value>, got: &Value, below: &[Selected], at: &str) {
        match got {
            Value::Array(own) => {
                let all = everything.and_then(Value::as_array).filter(|all| all.len() == own.len());
                // What may be done next with an object depends on who asks.
                let is_row = !below.is_empty();
                assert!(
                    all.is_some() || self.is_confined || everything.is_none() || !is_row,
                    "{at} has another length"
                );
                for (place, own) in own.iter().enumerate() {
                    self.value(all.map(|all| &all[place]), own, below, at);
                }
            }
            Value::Object(_) => self.object(everything, got, below),
            _ => {}
        }
    }

    /// Of a reference at most the key is shown.
    fn reference(got: &Value, below: &[Selected], at: &str) {
        let objects = match got {
            Value::Array(objects) => objects.clone(),
            object => vec![object.clone()],
        };
        for object in objects {
            for one in below.iter().filter(|one| !one.field.is_key) {
                assert!(object[&one.field.name].is_null(), "{at}.{} is shown: {object}", one.field.name);
            }
        }
    }
}

/// Whether a role is told that this is not for it, and somebody without a token that it needs one.
fn is_forbidden(role: &str, answer: &Answer) -> bool {
    let expected = if role == "anonymous" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
    answer.codes().iter().any(|code| code == expected)
}

#[test]
fn every_type_field_and_root_field_has_a_rule() {
    let subgraphs = Hospital::read_subgraphs();
    for graph in subgraphs.values() {
        // Each of these panics where there is no rule.
        for type_name in graph.types().filter(|name| !rights::is_carrier(name)) {
            rights::guard(type_name);
            for field in graph.fields_of(type_name) {
                sight(&Rights::default(), &subgraphs, type_name, field);
            }
        }
        for root in graph.roots("Query").into_iter().chain(graph.roots("Mutation")) {
            rights::need(&root.name);
        }
    }
}

#[tokio::test]
async fn every_caller_sees_by_root_fields_and_below_them_what_the_table_says_and_nothing_else() {
    let hospital = Hospital::open().await;
    for door in &hospital.doors {
        for root in door.graph.roots("Query") {
            let selected = door.graph.everything(&root.type_name);
            let query = hospital.query(door, &root, &selected);
            let everything = hospital.omniscient(door).ask(&query, Value::Null).await;
            assert!(everything.codes().is_empty(), "{} by {}: {}", door.name, root.name, everything.body["errors"]);
            for (role, rights) in &hospital.rights {
                let got = hospital.caller(door, role).ask(&query, Value::Null).await;
                let own = &got.body["data"][&root.name];
                let place = format!("{role} at {} by {}", door.name, root.name);
                if !rights.asks(&root.name) {
                    assert!(own.is_null() && is_forbidden(role, &got), "{place}: {}", got.body);
                    continue;
                }
                let is_confined = role == "PATIENT";
                let comparison = Comparison { hospital: &hospital, rights, place, is_confined };
                comparison.value(Some(&everything.body["data"][&root.name]), own, &selected, "the root");
            }
        }
    }
}

#[tokio::test]
async fn every_caller_sees_by_entities_what_the_table_says_and_nothing_else() {
    let hospital = Hospital::open().await;
    for door in hospital.doors.iter().filter(|door| door.name != "router") {
        for (type_name, key) in door.graph.entity_keys() {
            let Some(value) = hospital.key(&type_name, &key) else { continue };
            let selected = door.graph.everything(&type_name);
            if selected.iter().all(|one| one.field.is_key) {
                continue;
            }
            let query = entities(&door.graph, &type_name, &selected);
            let variables = json!({ "r": [{ "__typename": type_name, key.as_str(): value }] });
            let everything = hospital.omniscient(door).ask(&query, variables.clone()).await;
            assert!(everything.codes().is_empty(), "{} by {type_name}: {}", door.name, everything.body["errors"]);
            let everything = &everything.body["data"]["_entities"][0];
            assert!(everything.is_object(), "{type_name} {value} at {}", door.name);
            for (role, rights) in &hospital.rights {
                let got = hospital.caller(door, role).ask(&query, variables.clone()).await;
                let own = &got.body["data"]["_entities"][0];
                let place = format!("{role} at {} by {type_name} of _entities", door.name);
                let sees = |one: &Selected| {
                    !one.field.is_key && sight(rights, &hospital.subgraphs, &one.parent, &one.field) == Sight::Value
                };
                assert!(own.is_object() || !selected.iter().any(sees), "{place} is missing: {}", got.body);
                if own.is_object() {
                    let is_confined = role == "PATIENT";
                    Comparison { hospital: &hospital, rights, place, is_confined }.object(
                        Some(everything),
                        own,
                        &selected,
                    );
                }
            }
        }
    }
}

fn entities(graph: &Graph, type_name: &str, selected: &[Selected]) -> String {
    let below = graph.write(selected);
    format!("query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {type_name} {{ {below}}} }} }}")
}

#[tokio::test]
async fn a_patient_gets_no_row_of_anybody_else_by_any_path() {
    let hospital = Hospital::open().await;
    let foreign = hospital.rows_of_others().await;
    assert!(foreign.len() > 20, "rows to be hidden");
    for door in &hospital.doors {
        let patient = hospital.caller(door, "PATIENT");
        for root in door.graph.roots("Query") {
            let query = hospital.query(door, &root, &door.graph.everything(&root.type_name));
            let text = patient.text(&query, Value::Null).await;
            assert!(
                !text.contains("LIMIT_EXCEEDED") && !text.contains("MAX_"),
                "{} by {}: {text}",
                door.name,
                root.name
            );
            let leaked: Vec<&String> = foreign.iter().filter(|id| text.contains(id.as_str())).collect();
            assert!(leaked.is_empty(), "{} by {}: {leaked:?}", door.name, root.name);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_to_the_byte_what_does_not_exist() {
    let hospital = Hospital::open().await;
    let foreign = hospital.of_somebody_else().await;
    let absent = hospital.of_nobody();
    for door in &hospital.doors {
        let patient = hospital.caller(door, "PATIENT");
        for root in door.graph.roots("Query").iter().filter(|root| root.arguments.iter().any(|one| one.0 == "id")) {
            let selected = door.graph.everything(&root.type_name);
            let theirs = patient.text(&foreign.query(door, root, &selected), Value::Null).await;
            let nobodys = patient.text(&absent.query(door, root, &selected), Value::Null).await;
            assert_eq!(theirs, nobodys, "{} by {}", door.name, root.name);
        }
        for (type_name, key) in door.graph.entity_keys() {
            let (Some(theirs), Some(nobodys)) = (foreign.key(&type_name, &key), absent.key(&type_name, &key)) else {
                continue;
            };
            let selected: Vec<_> =
                door.graph.everything(&type_name).into_iter().filter(|one| !one.field.is_key).collect();
            if door.name == "router" || selected.is_empty() {
                continue;
            }
            let query = entities(&door.graph, &type_name, &selected);
            let ask = |value: Value| json!({ "r": [{ "__typename": type_name, key.as_str(): value }] });
            let (theirs, nobodys) = (patient.text(&query, ask(theirs)).await, patient.text(&query, ask(nobodys)).await);
            let plain = |text: &str| strip_times(text);
            assert_eq!(plain(&theirs), plain(&nobodys), "{} by {type_name} of _entities", door.name);
        }
    }
}

/// `CostSummary.asOf` is the moment of the answer.
fn strip_times(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).expect("JSON");
    if let Some(summary) = value.pointer_mut("/data/_entities/0/totalCost").and_then(Value::as_object_mut) {
        summary.remove("asOf");
    }
    value.to_string()
}

#[tokio::test]
async fn every_caller_changes_what_the_table_says_and_the_payload_shows_no_more() {
    let hospital = Hospital::open().await;
    let before = hospital.state().await;
    for door in &hospital.doors {
        for root in Hospital::mutations(door) {
            let (query, selected) = Hospital::mutation(door, &root);
            for (role, _) in hospital.rights.iter().filter(|(_, rights)| !rights.asks(&root.name)) {
                let input = hospital.input(&root.name);
                let got = hospital.caller(door, role).ask(&query, json!({ "input": input })).await;
                let place = format!("{role} at {} by {}", door.name, root.name);
                assert!(got.body["data"][&root.name].is_null() && is_forbidden(role, &got), "{place}: {}", got.body);
            }
            drop(selected);
        }
    }
    assert_eq!(hospital.state().await, before, "who may not change anything has changed something");
    for door in &hospital.doors {
        for root in Hospital::mutations(door) {
            let (query, selected) = Hospital::mutation(door, &root);
            for (role, rights) in hospital.rights.iter().filter(|(_, rights)| rights.asks(&root.name)) {
                let input = hospital.input(&root.name);
                let got = hospital.caller(door, role).ask(&query, json!({ "input": input })).await;
                let payload = &got.body["data"][&root.name];
                let place = format!("{role} at {} by {}", door.name, root.name);
                assert!(payload.is_object(), "{place}: {}", got.body);
                if Hospital::succeeds(&root.name) {
                    assert_eq!(payload["userErrors"], json!([]), "{place}: {}", got.body);
                }
                Comparison { hospital: &hospital, rights, place, is_confined: false }.object(None, payload, &selected);
            }
        }
    }
}

/// The ids in an answer.
fn ids(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| ids(value, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(id) if name == "id" || name.ends_with("_id") => drop(found.insert(id.clone())),
            value => ids(value, found),
        }),
        _ => {}
    }
}
