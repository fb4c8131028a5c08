//! Reports as files, through a real object storage.

mod setup;

use chrono::{TimeDelta, Utc};
use healthbridge_diagnosis::delete_orphans;
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, StatementCount, assert_alike};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use setup::{Setup, begin, refusals, send, setup};
use uuid::Uuid;

const PDF: &str = "query ($id: ID!, $version: Int) { reportPdf(reportId: $id, version: $version) {
    reportId version status contentSha256 byteSize isComplete download { url method headers { name value } expiresAt } } }";

async fn pdf(client: &Client, report: &Value, version: Option<i32>) -> Value {
    client.data(PDF, json!({ "id": report["id"], "version": version })).await["reportPdf"].clone()
}

/// The file behind its URL: how it is announced, and its words.
async fn read(pdf: &Value) -> (String, String, String) {
    let answer = reqwest::get(pdf["download"]["url"].as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let said = |name: header::HeaderName| answer.headers()[name].to_str().expect("text").to_owned();
    let (kind, disposition) = (said(header::CONTENT_TYPE), said(header::CONTENT_DISPOSITION));
    let bytes = answer.bytes().await.expect("bytes");
    assert_eq!(pdf["byteSize"], bytes.len().to_string());
    let document = lopdf::Document::load_mem(&bytes).expect("a PDF");
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    let text = document.extract_text(&pages).expect("text");
    (kind, disposition, text.split_whitespace().collect::<Vec<_>>().join(" "))
}

struct Release {
    patient: Uuid,
    report: Value,
    signer: Client,
    proof: String,
}

/// A report that was confirmed.
async fn release(setup: &Setup) -> Release {
    let (patient, staff) = (Uuid::now_v7(), Uuid::now_v7());
    let (signer, proof) = setup.as_signer(Role::Radiologist, staff);
    let begun = begin(&signer, patient).await;
    let input = json!({ "reportId": begun["id"], "expectedVersion": begun["version"], "reauthToken": proof });
    let payload = send(&signer, "confirmReport", input, "report { id version }").await;
    assert_eq!(refusals(&payload), Vec::<String>::new());
    Release { patient, report: payload["report"].clone(), signer, proof }
}

impl Release {
    async fn change(&mut self, mutation: &str, input: Value) {
        let mut input = input;
        input["reportId"] = self.report["id"].clone();
        input["expectedVersion"] = self.report["version"].clone();
        input["reauthToken"] = json!(self.proof);
        let payload = send(&self.signer, mutation, input, "report { id version }").await;
        assert_eq!(refusals(&payload), Vec::<String>::new(), "{mutation}");
        self.report = payload["report"].clone();
    }
}

#[tokio::test]
async fn a_released_report_is_a_file_with_its_text_and_the_same_one_afterwards() {
    let setup = setup().await;
    let Release { patient, report, .. } = release(&setup).await;
    let doctor = setup.as_role(Role::Doctor);
    let first = pdf(&doctor, &report, None).await;
    assert_eq!((&first["version"], &first["status"], &first["isComplete"]), (&json!(1), &json!("FINAL"), &json!(true)));
    let (kind, disposition, words) = read(&first).await;
    assert_eq!(kind, "application/pdf");
    let id = report["id"].as_str().expect("an id");
    assert_eq!(disposition, format!("attachment; filename=\"report-{id}-version-1.pdf\""));
    let hash = first["contentSha256"].as_str().expect("a hash");
    for text in
        ["Findings Clear.", "Impression Normal.", "Aoife Ní Bhraonáin", "100000009", "Dr. Łukasz Żółw", hash, id]
    {
        assert!(words.contains(text), "{text} is in {words}");
    }
    // The patient's own, of another account: the file that there is, and nobody is asked for names.
    let asked = setup.people.asked.lock().expect("whole").clone();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("Bearer "), "in the name of whoever asks");
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let again = pdf(&own, &report, Some(1)).await;
    assert_eq!((&again["byteSize"], &again["contentSha256"]), (&first["byteSize"], &first["contentSha256"]));
    assert_eq!(read(&again).await.2, words);
    assert_eq!(setup.people.asked.lock().expect("whole").len(), 1);
    assert_eq!(setup.storage.files(), 1);
}

#[tokio::test]
async fn a_draft_has_no_file_and_what_is_foreign_looks_like_what_is_not_there() {
    let setup = setup().await;
    let count = StatementCount::start();
    let patient = Uuid::now_v7();
    let draft = begin(&setup.as_role(Role::Radiologist), patient).await;
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    for client in [&own, &setup.as_role(Role::Radiologist)] {
        assert_eq!(pdf(client, &draft, None).await, Value::Null);
        assert_eq!(pdf(client, &draft, Some(1)).await, Value::Null);
    }
    let released = release(&setup).await;
    assert_eq!(pdf(&setup.as_role(Role::Doctor), &released.report, Some(2)).await, Value::Null);
    let (foreign, absent) = (json!({ "id": released.report["id"] }), json!({ "id": Uuid::now_v7() }));
    assert_alike(&count, &own, PDF, foreign, absent).await;
    let answer = setup.anonymous.ask(PDF, json!({ "id": released.report["id"] })).await;
    assert_eq!(answer.codes(), ["UNAUTHENTICATED"]);
    let answer = setup.as_role(Role::Clerk).ask(PDF, json!({ "id": released.report["id"] })).await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    assert_eq!(setup.storage.files(), 0);
}

#[tokio::test]
async fn a_version_that_was_superseded_or_withdrawn_says_so() {
    let setup = setup().await;
    let (mut released, doctor) = (release(&setup).await, setup.as_role(Role::Doctor));
    assert!(!read(&pdf(&doctor, &released.report, None).await).await.2.contains("Superseded"));
    released.change("addAddendum", json!({ "text": "Compared with 2023: <b>new</b> #eval(1)." })).await;
    let now = pdf(&doctor, &released.report, None).await;
    assert_eq!((&now["version"], &now["status"]), (&json!(2), &json!("APPENDED")));
    let words = read(&now).await.2;
    assert!(
        words.contains("Compared with 2023: <b>new</b> #eval(1).") && words.contains("Impression Normal."),
        "{words}"
    );
    let before = read(&pdf(&doctor, &released.report, Some(1)).await).await.2;
    assert!(before.contains("Superseded: there is a later version") && !before.contains("Compared"), "{before}");
    released.change("markReportEnteredInError", json!({ "reason": "Another patient." })).await;
    let last = read(&pdf(&doctor, &released.report, None).await).await.2;
    assert!(last.contains("Entered in error: this report must be disregarded."), "{last}");
    let before = read(&pdf(&doctor, &released.report, Some(1)).await).await.2;
    assert!(before.contains("Withdrawn: this report was entered in error"), "{before}");
}

#[tokio::test]
async fn a_file_without_names_is_not_kept_for_others() {
    let setup = setup().await;
    let (released, doctor) = (release(&setup).await, setup.as_role(Role::Doctor));
    setup.people.unknown.lock().expect("whole").push(released.patient);
    let lacking = pdf(&doctor, &released.report, None).await;
    assert_eq!(lacking["isComplete"], false);
    assert!(read(&lacking).await.2.contains(&format!("Patient {}", released.patient)));
    setup.people.unknown.lock().expect("whole").clear();
    let whole = pdf(&doctor, &released.report, None).await;
    assert_eq!(whole["isComplete"], true);
    assert!(read(&whole).await.2.contains("Aoife Ní Bhraonáin"));
    assert_eq!(pdf(&doctor, &released.report, None).await["isComplete"], true);
    assert_eq!(setup.people.asked.lock().expect("whole").len(), 2);
}

#[tokio::test]
async fn files_of_nobody_are_deleted_and_the_others_stay() {
    let setup = setup().await;
    let (released, doctor) = (release(&setup).await, setup.as_role(Role::Doctor));
    pdf(&doctor, &released.report, None).await;
    let id = released.report["id"].as_str().expect("an id");
    let nobodys = Uuid::now_v7();
    for key in [
        format!("report-pdfs/{id}/1-incomplete.pdf"),
        format!("report-pdfs/{id}/7.pdf"),
        format!("report-pdfs/{nobodys}/1.pdf"),
        "report-pdfs/other".to_owned(),
        "images/other".to_owned(),
    ] {
        setup.storage.objects.put(&key, "application/pdf", b"x".to_vec()).await.expect("stored");
    }
    let sweep = |at| delete_orphans(setup.database.pool.clone(), setup.storage.objects.clone(), at);
    assert_eq!(sweep(Utc::now()).await.expect("swept").removed, 0, "what is young may be somebody's yet");
    assert_eq!(sweep(Utc::now() + TimeDelta::days(2)).await.expect("swept").removed, 4);
    assert!(setup.storage.objects.stored(&format!("report-pdfs/{id}/1.pdf")).await.expect("an answer").is_some());
    assert!(setup.storage.objects.stored("images/other").await.expect("an answer").is_some());
}
