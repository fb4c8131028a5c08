//! `healthbridge import fhir` beside a running installation, on bundles that another program made.

mod stack;

use std::{
    fmt::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{PROGRAM, Stack, folder};

fn command(stack: &Stack, files: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["import", "fhir"]).arg(files).arg("--data-dir").arg(&stack.data_dir);
    command
}

fn import(stack: &Stack, files: &Path) -> String {
    let output = command(stack, files).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

async fn count(admin: &Client) -> u64 {
    let data = admin.data("{ patients(filter: { active: null }) { totalCount } }", Value::Null).await;
    data["patients"]["totalCount"].as_u64().expect("a count")
}

#[tokio::test]
async fn bundles_of_another_generator_become_patients_and_a_second_run_changes_nothing() {
    let bundles = std::env::var("HEALTHBRIDGE_TEST_FHIR").expect("HEALTHBRIDGE_TEST_FHIR: run the tests by ./dev test");
    let bundles = Path::new(&bundles);
    let stack = Stack::start();
    let admin = stack.sign_in("admin").await;
    let before = count(&admin).await;
    let report = import(&stack, bundles);
    assert!(report.contains("40 patients and 40 practitioners are new") && !report.contains("skipped"), "{report}");
    assert!(report.contains("left for later: ") && report.contains("Observation "), "{report}");
    assert_eq!(count(&admin).await, before + 40);
    let file = std::fs::read_dir(bundles).expect("the bundles").next().expect("a bundle").expect("a file").path();
    let bundle: Value = serde_json::from_slice(&std::fs::read(file).expect("a bundle")).expect("JSON");
    let entries = bundle["entry"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["resource"]["resourceType"] == json!("Patient")).expect("a patient");
    let (patient, identifier) = (&entry["resource"], &entry["resource"]["identifier"][0]);
    let query = "query ($system: String!, $value: String!) { patientByIdentifier(system: $system, value: $value) {
        version birthDate gender name { family given } } }";
    let variables = json!({ "system": identifier["system"], "value": identifier["value"] });
    let found = admin.data(query, variables).await["patientByIdentifier"].clone();
    assert_eq!((&found["birthDate"], &found["name"]["family"]), (&patient["birthDate"], &patient["name"][0]["family"]));
    assert_eq!(found["gender"].as_str().map(str::to_lowercase).as_deref(), patient["gender"].as_str());
    assert!(import(&stack, bundles).contains("0 files read, 40 known before"));
    // The same resources in files that were never read.
    let other = folder();
    for entry in std::fs::read_dir(bundles).expect("the bundles").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a bundle");
        std::fs::write(other.path().join(entry.file_name()), format!("{text}\n")).expect("written");
    }
    let report = import(&stack, other.path());
    assert!(
        report.contains("0 patients and 0 practitioners are new\n80 patients and practitioners were there"),
        "{report}"
    );
    assert_eq!(count(&admin).await, before + 40);
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_named_and_the_rest_is_taken() {
    let stack = Stack::start();
    let admin = stack.sign_in("admin").await;
    let before = count(&admin).await;
    let files = folder();
    let patient = |id: &str, more: &str| format!(r#"{{"resourceType":"Patient","id":"{id}"{more}}}"#);
    let named =
        |id: &str, more: &str| patient(id, &format!(r#","name":[{{"family":"Import","given":["{id}"]}}]{more}"#));
    let lines = [
        named("good", r#","birthDate":"1980-05","identifier":[{"system":"urn:mr","value":"1"}]"#),
        named("same", r#","identifier":[{"system":"urn:mr","value":"1"}]"#),
        patient("nameless", ""),
        named("unborn", r#","birthDate":"2999-01-01""#),
        named("undated", r#","birthDate":"1980-02-31""#),
        patient("hidden", r#","name":[{"family":"a\u202eb"}]"#),
        r#"{"resourceType":"Patient","name":[{"family":"Anonymous"}]}"#.to_owned(),
        r#"{"resourceType":"Claim","id":"1"}"#.to_owned(),
    ];
    std::fs::write(files.path().join("a.ndjson"), lines.join("\n")).expect("written");
    let broken = format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{}}},{{"resour"#, named("early", ""));
    std::fs::write(files.path().join("b.json"), broken).expect("written");
    std::fs::write(files.path().join("c.json"), "no bundle").expect("written");
    let report = files.path().join("report");
    let output = command(&stack, files.path()).arg("--report").arg(&report).output().expect("it runs");
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&std::fs::read(report).expect("the report")).expect("JSON");
    assert_eq!(
        (&report["patientsNew"], &report["known"], &report["left"]),
        (&json!(2), &json!(1), &json!({ "Claim": 1 }))
    );
    let skipped: Vec<_> =
        report["skipped"].as_array().expect("a list").iter().map(|one| one["source"].clone()).collect();
    for source in
        ["Patient/nameless", "Patient/unborn", "Patient/undated", "Patient/hidden", "?", "the rest of the file"]
    {
        assert!(skipped.contains(&json!(source)), "{source}: {report:#}");
    }
    assert_eq!(skipped.len(), 7, "{report:#}");
    assert_eq!(count(&admin).await, before + 2);
}

#[tokio::test]
async fn an_import_that_is_killed_half_way_goes_on_and_loses_and_doubles_nothing() {
    let stack = Stack::start();
    let admin = stack.sign_in("admin").await;
    let before = count(&admin).await;
    let files = folder();
    let mut lines = String::new();
    for number in 0..6000 {
        let name = format!(r#"[{{"family":"Many{number:05}","given":["One"]}}]"#);
        writeln!(lines, r#"{{"resourceType":"Patient","id":"{number}","name":{name}}}"#)
            .expect("a String takes everything");
    }
    std::fs::write(files.path().join("many.ndjson"), lines).expect("written");
    let mut first = command(&stack, files.path()).stdout(Stdio::null()).spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&admin).await < before + 1000 {
        assert!(Instant::now() < deadline, "nothing is imported");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    first.kill().expect("killed");
    first.wait().expect("ended");
    let half = count(&admin).await - before;
    assert!(half < 6000 && half % 500 == 0, "{half}: batches are whole");
    let report = import(&stack, files.path());
    let new = 6000 - half;
    assert!(report.contains(&format!("{new} patients and 0 practitioners are new")), "{half}: {report}");
    assert_eq!(count(&admin).await, before + 6000);
}
