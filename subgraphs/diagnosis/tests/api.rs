//! The diagnosis subgraph over HTTP on a real database.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{Client, StatementCount, assert_alike, forged};
use serde_json::{Value, json};
use setup::setup;
use uuid::Uuid;

const CREATE: &str = "mutation ($input: CreateReportInput!) { createReport(input: $input) {
    report { id status author { id } allowedTransitions } userErrors { code field } } }";

async fn create(client: &Client, patient: Uuid) -> Value {
    let input = json!({ "patientId": patient, "findings": "Clear.", "impression": "Normal." });
    let data = client.data(CREATE, json!({ "input": input })).await;
    data["createReport"]["report"].clone()
}

#[tokio::test]
async fn a_report_with_text_is_preliminary_and_its_draft_is_logged() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let patient = Uuid::now_v7();
    let report = create(&radiologist, patient).await;
    assert_eq!(
        (&report["status"], &report["allowedTransitions"]),
        (&json!("PRELIMINARY"), &json!(["PARTIAL", "FINAL", "CANCELLED"]))
    );
    let empty = radiologist.data(CREATE, json!({ "input": { "patientId": patient } })).await;
    assert_eq!(empty["createReport"]["report"]["status"], json!("REGISTERED"));
    let logs = "query ($report: ID!) { workflowLogs(filter: { reportId: $report }) { nodes { seq action report { id } patient { id } } } }";
    let logs = radiologist.data(logs, json!({ "report": report["id"] })).await;
    let expected =
        json!([{ "seq": "1", "action": "DRAFTED", "report": { "id": report["id"] }, "patient": { "id": patient } }]);
    assert_eq!(logs["workflowLogs"]["nodes"], expected);
}

#[tokio::test]
async fn who_is_not_of_the_staff_or_names_nobody_writes_no_report() {
    let setup = setup().await;
    let outsider = setup.tokens.key.sign(&setup.tokens.claims(Role::Doctor, None, None));
    let input = json!({ "input": { "patientId": "nobody", "imageIds": ["x"] } });
    let answer = setup.anonymous.with_token(outsider).ask(CREATE, input).await;
    assert_eq!(answer.refusals("createReport"), ["NOT_FOUND", "NOT_ALLOWED", "NOT_FOUND"]);
    let nurse = setup.as_role(Role::Nurse).ask(CREATE, json!({ "input": { "patientId": Uuid::now_v7() } })).await;
    assert_eq!(nurse.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn a_patient_sees_the_own_reports_from_final_on() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (own, foreign) = (Uuid::now_v7(), Uuid::now_v7());
    let (released, draft) = (create(&radiologist, own).await, create(&radiologist, own).await);
    let other = create(&radiologist, foreign).await;
    for report in [&released, &other] {
        setup.set_status(&report["id"], "FINAL").await;
    }
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let seen = patient.entities("Patient", &[own, foreign, Uuid::now_v7()], "reports { nodes { id } }").await;
    let nothing = json!({ "reports": { "nodes": [] } });
    assert_eq!(
        seen.body["data"]["_entities"],
        json!([{ "reports": { "nodes": [{ "id": released["id"] }] } }, nothing, nothing])
    );
    let query = "query ($id: ID!) { report(id: $id) { id } }";
    let absent = patient.ask(query, json!({ "id": Uuid::now_v7() })).await;
    for hidden in [&draft, &other] {
        assert_eq!(patient.ask(query, json!({ "id": hidden["id"] })).await.body, absent.body);
    }
    setup.set_status(&released["id"], "ENTERED_IN_ERROR").await;
    assert_eq!(patient.data(query, json!({ "id": released["id"] })).await["report"]["id"], released["id"]);
}

#[tokio::test]
async fn the_log_is_a_gap_free_chain_under_concurrency_and_cannot_be_changed() {
    let setup = setup().await;
    let nurse = setup.as_role(Role::Nurse);
    let add = "mutation ($note: String!) { addWorkflowLog(input: { action: CHECKED_IN, note: $note }) { log { seq } userErrors { code } } }";
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let nurse = nurse.clone();
            tokio::spawn(async move { nurse.data(add, json!({ "note": format!("n{number}") })).await })
        })
        .collect();
    for writer in writers {
        writer.await.expect("written");
    }
    let logs = nurse.data("{ workflowLogs(first: 100) { nodes { seq prevHash hash } } }", Value::Null).await;
    let logs = logs["workflowLogs"]["nodes"].as_array().cloned().expect("entries");
    let seqs: Vec<_> = logs.iter().rev().map(|log| log["seq"].as_str().expect("a place").to_owned()).collect();
    assert_eq!(seqs, (1..=20).map(|seq| seq.to_string()).collect::<Vec<_>>());
    assert!(logs.windows(2).all(|pair| pair[0]["prevHash"] == pair[1]["hash"]), "{logs:?}");
    for statement in ["UPDATE diagnosis.workflow_log SET note = 'x'", "DELETE FROM diagnosis.workflow_log"] {
        assert!(sqlx::query(statement).execute(&setup.database.pool).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_report_sent_again_with_its_key_is_made_once() {
    let setup = setup().await;
    let token = setup.tokens.of(Role::Radiologist);
    let radiologist = setup.anonymous.with_token(token);
    let input = json!({ "input": { "patientId": Uuid::now_v7(), "idempotencyKey": Uuid::new_v4() } });
    let first = radiologist.data(CREATE, input.clone()).await;
    assert_eq!(
        radiologist.data(CREATE, input).await["createReport"]["report"]["id"],
        first["createReport"]["report"]["id"]
    );
    let logs = radiologist.data("{ workflowLogs { nodes { seq } } }", Value::Null).await;
    assert_eq!(logs["workflowLogs"]["nodes"], json!([{ "seq": "1" }]));
}

#[tokio::test]
async fn a_hundred_patients_reports_cost_as_many_statements_as_ones() {
    let count = StatementCount::start();
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let patients: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    for patient in &patients {
        create(&radiologist, *patient).await;
    }
    let selection = "reports(first: 10) { nodes { id status impression } }";
    let (one, for_one) = count.during(radiologist.entities("Patient", &patients[..1], selection)).await;
    let (all, for_all) = count.during(radiologist.entities("Patient", &patients, selection)).await;
    let reports = |answer: &healthbridge_testkit::Answer| {
        let entities = answer.body["data"]["_entities"].as_array().cloned().unwrap_or_default();
        entities.iter().filter(|entity| entity["reports"]["nodes"][0]["id"].is_string()).count()
    };
    assert_eq!((reports(&one), reports(&all), for_one, for_all), (1, 100, 1, 1));
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_by_401_through_every_door() {
    let setup = setup().await;
    for (kind, token) in forged(&setup.tokens) {
        let caller = setup.anonymous.with_token(token);
        let root = caller.ask("{ reports { nodes { id } } }", Value::Null).await;
        let entities = caller.entities("Patient", &[Uuid::now_v7()], "reports { nodes { id } }").await;
        assert_eq!((root.status.as_u16(), entities.status.as_u16()), (401, 401), "{kind}");
    }
}

#[tokio::test]
async fn a_foreign_report_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    create(&radiologist, own).await;
    let foreign = create(&radiologist, other).await["id"].clone();
    setup.set_status(&foreign, "FINAL").await;
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let query = "query ($id: ID!) { report(id: $id) { id findings } }";
    assert_alike(&count, &patient, query, json!({ "id": foreign }), json!({ "id": Uuid::now_v7() })).await;
    let of = |type_name: &str, id: Value| json!({ "r": [{ "__typename": type_name, "id": id }] });
    let report = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on DiagnosisReport { findings } } }";
    let absent = || json!(Uuid::now_v7());
    assert_alike(&count, &patient, report, of("DiagnosisReport", foreign), of("DiagnosisReport", absent())).await;
    let reports = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { reports { totalCount nodes { id } } } } }";
    assert_alike(&count, &patient, reports, of("Patient", json!(other)), of("Patient", absent())).await;
    let image = Uuid::now_v7();
    let about = sqlx::query("UPDATE diagnosis.report SET image_ids = ARRAY[$1] WHERE patient_id = $2");
    about.bind(image).bind(other).execute(&setup.database.pool).await.expect("about an image");
    let of_image = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on MedicalImage { reports { totalCount nodes { id } } } } }";
    assert_alike(&count, &patient, of_image, of("MedicalImage", json!(image)), of("MedicalImage", absent())).await;
}
