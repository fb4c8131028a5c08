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
        report.contains("0 patients and 0 practitioners are new\n")
            && report.contains("\n80 records, bills and payments"),
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
        r#"{"resourceType":"Coverage","id":"1"}"#.to_owned(),
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
        (&json!(2), &json!(1), &json!({ "Coverage": 1 }))
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

const BILLS: &str = "query ($system: String!, $value: String!) { patientByIdentifier(system: $system, value: $value) {
    billings { nodes { description quantity unitPrice { amount } net { amount } paid { amount } paymentState servicedAt
        components { type amount { amount } } code { code } ledger { nodes { kind method reference } } } }
    totalCost { byCurrency { currency net { amount } paid { amount } outstanding { amount } } } } }";

/// Claims of one patient, what an insurance paid for them, and invoices, in files whose names put payments before claims and
/// those before patients.
fn bills(folder: &Path) {
    let patient = r#""patient":{"reference":"Patient/p"},"created":"2025-03-01""#;
    let claim = |id: &str, more: &str| {
        format!(r#"{{"resourceType":"Claim","id":"{id}","status":"active","use":"claim",{patient},{more}}}"#)
    };
    let explanation = |id: &str, claim: &str, benefit: &str, more: &str| {
        format!(
            r#"{{"resourceType":"ExplanationOfBenefit","id":"{id}","status":"active","use":"claim",{patient},
                "claim":{{"reference":"{claim}"}},"payment":{{"amount":{{"value":{benefit},"currency":"USD"}}}}{more}}}"#
        )
        .replace('\n', " ")
    };
    let usd = |value: &str| format!(r#"{{"value":{value},"currency":"USD"}}"#);
    let ct = r#""productOrService":{"coding":[{"system":"http://snomed.info/sct","code":"77477000","display":"CT"}]}"#;
    let payments = [
        explanation("paid", "Claim/two", "120.5", ""),
        explanation("too-much", "Claim/one", "80.01", ""),
        explanation("other", "Claim/one", "1", "").replace("Patient/p", "Patient/q"),
        explanation("alone", "Claim/never-seen", "10", &format!(r#","item":[{{{ct},"net":{}}}]"#, usd("25"))),
    ];
    let claims = [
        claim("one", &format!(r#""item":[{{{ct},"net":{}}}],"total":{}"#, usd("80.0"), usd("80"))),
        claim(
            "two",
            &format!(
                r#""item":[{{{ct},"quantity":{{"value":3}},"unitPrice":{},"net":{}}},{{{ct},"net":{}}}]"#,
                usd("50"),
                usd("120"),
                usd("30")
            ),
        ),
        claim("wrong", &format!(r#""item":[{{"net":{}}}],"total":{}"#, usd("1"), usd("2"))),
        claim("stranger", &format!(r#""item":[{{"net":{}}}]"#, usd("1"))).replace("Patient/p", "Patient/late"),
        r#"{"resourceType":"Invoice","id":"i","status":"balanced","subject":{"reference":"Patient/p"},"date":"2025-04-01",
            "lineItem":[{"priceComponent":[{"type":"base","amount":{"value":700,"currency":"JPY"}}]}]}"#
            .replace('\n', " "),
    ];
    let name = r#"[{"family":"Billed","given":["One"]}]"#;
    let identifier = r#"[{"system":"urn:mr","value":"billed"}]"#;
    let patient = format!(r#"{{"resourceType":"Patient","id":"p","name":{name},"identifier":{identifier}}}"#);
    std::fs::write(folder.join("a.ndjson"), payments.join("\n")).expect("written");
    std::fs::write(folder.join("b.ndjson"), claims.join("\n")).expect("written");
    let other = r#"{"resourceType":"Patient","id":"q","name":[{"family":"Other"}]}"#;
    std::fs::write(folder.join("c.ndjson"), format!("{patient}\n{other}")).expect("written");
}

#[tokio::test]
async fn claims_invoices_and_what_insurances_paid_become_billings_and_payments_once() {
    let stack = Stack::start();
    let (admin, files) = (stack.sign_in("admin").await, folder());
    bills(files.path());
    let report = files.path().join("report");
    let output = command(&stack, files.path()).arg("--report").arg(&report).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).expect("the report")).expect("JSON");
    assert_eq!((&report["billingsNew"], &report["paymentsNew"]), (&json!(5), &json!(3)), "{report:#}");
    let mut skipped: Vec<_> = report["skipped"].as_array().expect("a list").iter().map(|one| &one["source"]).collect();
    skipped.sort_by_key(ToString::to_string);
    let expected = ["Claim/stranger", "Claim/wrong", "ExplanationOfBenefit/other", "ExplanationOfBenefit/too-much"];
    assert_eq!(json!(skipped), json!(expected), "{report:#}");

    let one = json!({ "system": "urn:mr", "value": "billed" });
    let found = admin.data(BILLS, one.clone()).await["patientByIdentifier"].clone();
    let total = |currency: &str, net: &str, paid: &str, outstanding: &str| {
        json!({ "currency": currency, "net": { "amount": net }, "paid": { "amount": paid },
            "outstanding": { "amount": outstanding } })
    };
    let expected = json!([total("JPY", "700", "700", "0"), total("USD", "255.00", "130.50", "124.50")]);
    assert_eq!(found["totalCost"]["byCurrency"], expected);
    let billings = found["billings"]["nodes"].as_array().expect("billings");
    let three = billings.iter().find(|billing| billing["quantity"] == "3").expect("three of them");
    assert_eq!((&three["unitPrice"]["amount"], &three["net"]["amount"]), (&json!("50.00"), &json!("120.00")));
    assert_eq!(three["components"][1], json!({ "type": "DISCOUNT", "amount": { "amount": "30.00" } }));
    assert_eq!((&three["description"], &three["code"]["code"]), (&json!("CT"), &json!("77477000")));
    assert_eq!(three["servicedAt"], "2025-03-01T00:00:00+00:00");
    let paid = json!({ "kind": "PAYMENT", "method": "INSURANCE", "reference": "ExplanationOfBenefit/paid" });
    assert_eq!((&three["paymentState"], &three["ledger"]["nodes"][0]), (&json!("PAID"), &paid));

    // The same in files that were never read, and the claim that came late: it is known from what was paid for it.
    let other = folder();
    bills(other.path());
    let late = r#"{"resourceType":"Claim","id":"never-seen","status":"active","use":"claim",
        "patient":{"reference":"Patient/p"},"created":"2025-03-01","total":{"value":25,"currency":"USD"}}"#;
    std::fs::write(other.path().join("d.ndjson"), late.replace('\n', " ")).expect("written");
    for name in ["a.ndjson", "b.ndjson", "c.ndjson"] {
        let text = std::fs::read_to_string(other.path().join(name)).expect("a file");
        std::fs::write(other.path().join(name), format!("{text}\n\n")).expect("written");
    }
    let again = import(&stack, other.path());
    assert!(again.contains("0 billings and 0 payments are new"), "{again}");
    assert_eq!(admin.data(BILLS, one).await["patientByIdentifier"], found);
    // The patient who was not there comes.
    let patient = r#"{"resourceType":"Patient","id":"late","name":[{"family":"Late"}]}"#;
    std::fs::write(files.path().join("e.ndjson"), patient).expect("written");
    let late = import(&stack, files.path());
    assert!(
        late.contains("2 files read, 2 known before") && late.contains("1 billings and 0 payments are new"),
        "{late}"
    );
    assert_eq!(stack.verify_billing(), "the ledger, the balances and the billings agree\n");
}

/// How many billings in Kuwaiti dinars there are: the demo data have none.
async fn dinars(admin: &Client) -> u64 {
    let data = admin.data("{ billingStatistics { currency itemCount } }", Value::Null).await;
    let found = data["billingStatistics"].as_array().expect("a list").iter().find(|one| one["currency"] == "KWD");
    found.map_or(0, |one| one["itemCount"].as_u64().expect("a count"))
}

#[tokio::test]
async fn bills_that_were_killed_half_way_go_on_and_none_is_lost_or_doubled() {
    let stack = Stack::start();
    let (admin, files) = (stack.sign_in("admin").await, folder());
    let (mut patients, mut claims, mut payments) = (String::new(), String::new(), String::new());
    for number in 0..3000 {
        let patient = format!(r#""patient":{{"reference":"Patient/{}"}},"created":"2025-03-01""#, number % 40);
        let dinars = |value: &str| format!(r#"{{"value":{value},"currency":"KWD"}}"#);
        if number < 40 {
            let name = format!(r#"[{{"family":"Owing{number}"}}]"#);
            writeln!(patients, r#"{{"resourceType":"Patient","id":"{number}","name":{name}}}"#).expect("written");
        }
        let head = format!(r#""id":"{number}","status":"active","use":"claim",{patient}"#);
        writeln!(claims, r#"{{"resourceType":"Claim",{head},"total":{}}}"#, dinars("2.125")).expect("written");
        let paid = format!(r#""claim":{{"reference":"Claim/{number}"}},"payment":{{"amount":{}}}"#, dinars("1.5"));
        writeln!(payments, r#"{{"resourceType":"ExplanationOfBenefit",{head},{paid}}}"#).expect("written");
    }
    for (name, lines) in [("a.ndjson", payments), ("b.ndjson", claims), ("c.ndjson", patients)] {
        std::fs::write(files.path().join(name), lines).expect("written");
    }
    let mut first = command(&stack, files.path()).stdout(Stdio::null()).spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while dinars(&admin).await < 500 {
        assert!(Instant::now() < deadline, "nothing is imported");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    first.kill().expect("killed");
    first.wait().expect("ended");
    let half = dinars(&admin).await;
    assert!(half < 3000 && half % 100 == 0, "{half}: batches are whole");
    let report = import(&stack, files.path());
    let new = 3000 - half;
    assert!(report.contains(&format!("{new} billings and 3000 payments are new")), "{half}: {report}");
    let data = admin.data("{ billingStatistics { currency net { amount } paid { amount } } }", Value::Null).await;
    let sums = json!({ "currency": "KWD", "net": { "amount": "6375.000" }, "paid": { "amount": "4500.000" } });
    assert!(data["billingStatistics"].as_array().is_some_and(|all| all.contains(&sums)), "{data}");
    assert_eq!(
        (dinars(&admin).await, stack.verify_billing().as_str()),
        (3000, "the ledger, the balances and the billings agree\n")
    );
}
