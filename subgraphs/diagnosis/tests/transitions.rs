//! What `allowedTransitions` says is what the mutations take: every status, every mutation and every role; and in random
//! sequences no report comes to a state that does not follow, each version verifies, and nothing lies.

mod setup;

use std::collections::BTreeSet;

use healthbridge_diagnosis::domain::ReportStatus;
use healthbridge_rights::Role;
use healthbridge_signature::Digest;
use healthbridge_terms::Coded;
use healthbridge_testkit::Client;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use setup::{Setup, begin, send, setup};
use uuid::Uuid;

/// Everything that may move a report, and where to.
const STEPS: [(&str, &str); 8] = [
    ("updateReportDraft", "PARTIAL"),
    ("updateReportDraft", "PRELIMINARY"),
    ("confirmReport", "FINAL"),
    ("amendReport", "AMENDED"),
    ("amendReport", "CORRECTED"),
    ("addAddendum", "APPENDED"),
    ("cancelReport", "CANCELLED"),
    ("markReportEnteredInError", "ENTERED_IN_ERROR"),
];

/// Which status may follow which, written down once more.
fn follows(from: &str) -> &'static [&'static str] {
    match from {
        "REGISTERED" => &["PARTIAL", "PRELIMINARY", "CANCELLED"],
        "PARTIAL" => &["PRELIMINARY", "FINAL", "CANCELLED"],
        "PRELIMINARY" => &["PARTIAL", "FINAL", "CANCELLED"],
        "FINAL" | "AMENDED" | "CORRECTED" | "APPENDED" => &["AMENDED", "CORRECTED", "APPENDED", "ENTERED_IN_ERROR"],
        _ => &[],
    }
}

fn input(mutation: &str, to: &str, report: &Value, proof: &str) -> Value {
    let mut input = json!({ "reportId": report["id"], "expectedVersion": report["version"] });
    match mutation {
        "updateReportDraft" => input["status"] = json!(to),
        "amendReport" => {
            input["correction"] = json!(to == "CORRECTED");
            input["findings"] = json!("Something else.");
        }
        "addAddendum" => input["text"] = json!("More."),
        _ => {}
    }
    if mutation == "updateReportDraft" {
        input["findings"] = json!("Something.");
    }
    if ["amendReport", "cancelReport", "markReportEnteredInError"].contains(&mutation) {
        input["reason"] = json!("a test");
    }
    if !["updateReportDraft", "cancelReport"].contains(&mutation) {
        input["reauthToken"] = json!(proof);
    }
    input
}

/// Where a mutation has moved a report; nothing where the caller may not ask, or is refused.
async fn moved(client: &Client, mutation: &str, input: Value) -> Option<Value> {
    let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let name = if mutation == "markReportEnteredInError" { "CancelReport" } else { &name };
    let query = format!(
        "mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ report {{ status }} userErrors {{ code }} }} }}"
    );
    let answer = client.ask(&query, json!({ "input": input })).await;
    let payload = &answer.body["data"][mutation];
    (payload.is_object() && payload["userErrors"] == json!([])).then(|| payload["report"]["status"].clone())
}

/// A new report in this status, which somebody who is named may be writing.
async fn report_in(setup: &Setup, status: ReportStatus, holder: Option<Uuid>) -> Value {
    let report = begin(&setup.as_role(Role::Radiologist), Uuid::now_v7()).await;
    let id: Uuid = report["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let put = sqlx::query(
        "UPDATE diagnosis.report SET status = $2, assignee_id = $3, assigned_until = now() + interval '1 hour',
             findings = CASE $2 WHEN 'REGISTERED' THEN NULL ELSE findings END,
             impression = CASE $2 WHEN 'REGISTERED' THEN NULL ELSE impression END
         WHERE id = $1",
    );
    put.bind(id).bind(status.text()).bind(holder).execute(&setup.database.pool).await.expect("put");
    report
}

#[tokio::test]
async fn what_a_caller_is_said_to_be_allowed_is_exactly_what_the_mutations_take() {
    let setup = setup().await;
    let (staff, other) = (Uuid::now_v7(), Uuid::now_v7());
    let outsider = setup.tokens.key.sign(&setup.tokens.claims(Role::Doctor, None, None));
    let mut callers: Vec<(String, Client, String)> = Role::all()
        .filter(|role| !matches!(role, Role::Patient | Role::Service))
        .map(|role| {
            let (client, proof) = setup.as_signer(role, staff);
            (role.text().to_owned(), client, proof)
        })
        .collect();
    let proof = setup.tokens.proof(&outsider, chrono::Utc::now());
    callers.push(("a doctor who is not of the staff".to_owned(), setup.anonymous.with_token(outsider), proof));
    for status in ReportStatus::all() {
        for holder in [None, Some(staff), Some(other)] {
            for (who, client, proof) in &callers {
                let shown = report_in(&setup, status, holder).await;
                let query = "query ($id: ID!) { report(id: $id) { allowedTransitions } }";
                let answer = client.ask(query, json!({ "id": shown["id"] })).await;
                let said = answer.body["data"]["report"]["allowedTransitions"].clone();
                let said: BTreeSet<String> =
                    said.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                let mut taken = BTreeSet::new();
                for (mutation, to) in STEPS {
                    // A draft that stays what it is has not moved.
                    if status.text() == to && mutation == "updateReportDraft" {
                        continue;
                    }
                    let report = report_in(&setup, status, holder).await;
                    if let Some(reached) = moved(client, mutation, input(mutation, to, &report, proof)).await {
                        assert_eq!(reached, json!(to), "{who}: {mutation} of {status:?}");
                        taken.insert(to.to_owned());
                    }
                }
                assert_eq!(said, taken, "{who}: {status:?}, which {holder:?} has");
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "which step it is")]
struct Step {
    step: usize,
    by_doctor: bool,
    stale: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // What ends a report is rare, or few would be released.
    let step = (prop_oneof![8 => 0..6_usize, 1 => 6..STEPS.len()], any::<bool>(), 0..10_u8);
    let step = step.prop_map(|(step, by_doctor, stale)| Step { step, by_doctor, stale: stale == 0 });
    prop::collection::vec(step, 1..12)
}

const SEEN: &str = "query ($id: ID!) { report(id: $id) { id version status currentVersion allowedTransitions
    versions(first: 100) { nodes { number content contentSha256 status } } signatures { version valid } } }";

async fn see(client: &Client, id: &Value) -> Value {
    client.data(SEEN, json!({ "id": id })).await["report"].clone()
}

#[tokio::test]
async fn two_hundred_random_sequences_lead_to_no_state_that_does_not_follow_and_every_version_verifies() {
    let setup = setup().await;
    let staff = Uuid::now_v7();
    let people = [setup.as_signer(Role::Radiologist, staff), setup.as_signer(Role::Doctor, staff)];
    let mut runner = TestRunner::deterministic();
    let mut released = 0;
    for _ in 0..200 {
        let sequence = steps().new_tree(&mut runner).expect("a sequence").current();
        let patient = Uuid::now_v7();
        let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
        let begun = send(&people[0].0, "createReport", json!({ "patientId": patient }), "report { id }").await;
        let id = begun["report"]["id"].clone();
        for step in &sequence {
            let (client, proof) = &people[usize::from(step.by_doctor)];
            let mut before = see(client, &id).await;
            if step.stale {
                before["version"] = json!(before["version"].as_i64().unwrap_or_default() - 1);
            }
            let (mutation, to) = STEPS[step.step];
            let reached = moved(client, mutation, input(mutation, to, &before, proof)).await;
            let status = before["status"].as_str().expect("a status");
            let allowed = before["allowedTransitions"].as_array().expect("a list").contains(&json!(to));
            let stays = mutation == "updateReportDraft" && status == to;
            let expected = (allowed || stays) && !step.stale;
            assert_eq!(reached.is_some(), expected, "{mutation} to {to} of {before}: {sequence:?}");
            let after = see(client, &id).await;
            let now = after["status"].as_str().expect("a status");
            assert!(now == status || follows(status).contains(&now), "{status} {now}: {sequence:?}");
            // A patient sees it from its release on, and not before.
            let shown = own.data("query ($id: ID!) { report(id: $id) { status } }", json!({ "id": id })).await;
            let is_released = !["REGISTERED", "PARTIAL", "PRELIMINARY", "CANCELLED"].contains(&now);
            assert_eq!(shown["report"].is_object(), is_released, "{now}");
        }
        let end = see(&people[0].0, &id).await;
        let versions = end["versions"]["nodes"].as_array().expect("versions");
        assert_eq!(end["currentVersion"], json!(versions.len()), "{sequence:?}");
        assert_eq!(end["signatures"].as_array().map(Vec::len), Some(versions.len()));
        for (version, number) in versions.iter().rev().zip(1..) {
            let digest = Digest::of(version["content"].as_str().expect("a content").as_bytes()).to_string();
            assert_eq!((&version["number"], &version["contentSha256"]), (&json!(number), &json!(digest)));
        }
        let signatures = end["signatures"].as_array().expect("signatures");
        assert!(signatures.iter().all(|one| one["valid"] == json!(true)), "{sequence:?} {end}");
        released += usize::from(!versions.is_empty());
    }
    assert!(released > 40, "{released} of them were released");
}
