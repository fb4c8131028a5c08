//! A report as a file, from its confirmation to its bytes, through the router.

mod stack;

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, patients};

async fn change(client: &Client, operation: &str, selection: &str, input: Value) -> Value {
    let name = format!("{}{}", operation[..1].to_uppercase(), &operation[1..]);
    let query = format!(
        "mutation ($input: {name}Input!) {{ {operation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    );
    let data = client.data(&query, json!({ "input": input })).await;
    assert_eq!(data[operation]["userErrors"], json!([]), "{operation}");
    data[operation].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_report_is_read_by_its_url_with_the_names_that_patients_knows() {
    let stack = Stack::start();
    let radiologist = stack.sign_in("radiologist").await;
    let patient = patients(&radiologist, 1).await.remove(0);
    let input = json!({ "patientId": patient, "findings": "A nodule of 14 mm.", "impression": "Suspicious nodule." });
    let report = change(&radiologist, "createReport", "report { id author { name { text } } }", input).await;
    let (id, author) = (&report["report"]["id"], &report["report"]["author"]["name"]["text"]);
    let ask = "query ($id: ID!) { reportPdf(reportId: $id) { version isComplete contentSha256 download { url } }
        report(id: $id) { patient { mrn name { text } } } }";
    let draft = radiologist.data(ask, json!({ "id": id })).await;
    assert_eq!(draft["reportPdf"], Value::Null);
    let known = &draft["report"]["patient"];

    let proof = change(&radiologist, "reauthenticate", "reauthToken", json!({ "password": "healthbridge-demo" })).await;
    let input = json!({ "reportId": id, "expectedVersion": 1, "reauthToken": proof["reauthToken"] });
    change(&radiologist, "confirmReport", "report { id }", input).await;
    let pdf = stack.sign_in("doctor").await.data(ask, json!({ "id": id })).await["reportPdf"].clone();
    assert_eq!((&pdf["version"], &pdf["isComplete"]), (&json!(1), &json!(true)), "{pdf}");

    let answer = reqwest::get(pdf["download"]["url"].as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let document = lopdf::Document::load_mem(&answer.bytes().await.expect("bytes")).expect("a PDF");
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    let text = document.extract_text(&pages).expect("text");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [&known["name"]["text"], &known["mrn"], author, &pdf["contentSha256"], &json!("Suspicious nodule.")] {
        let said = said.as_str().expect("a text");
        assert!(words.contains(said), "{said} is in {words}");
    }
}
