//! Signing through a whole running installation, and verifying by whoever has the exported file and the published keys.

mod stack;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use chrono::Utc;
use healthbridge_auth::SigningKey;
use healthbridge_signature::{Digest, Meaning, SignedReport, SignedStatement, Signers, Statement};
use healthbridge_testkit::{Client, Tokens};
use serde_json::{Value, json};
use stack::{PROGRAM, Stack, token};
use uuid::Uuid;

const REPORT: &str = "report { id version signatures { valid keyId }
    versions { nodes { number signedDocument } } } userErrors { code field }";

/// What `report verify` says, to both outputs, and whether the file is well.
fn verify(file: &Path, jwks: &str) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new(PROGRAM).args(["report", "verify"]).arg(file).args(["--jwks", jwks]).output().expect("it runs");
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
    (status.success(), text)
}

/// A member of the staff who is signed in.
struct Signer {
    client: Client,
    token: String,
}

impl Signer {
    async fn new(stack: &Stack) -> Self {
        let token = token(&stack.router(), "radiologist").await;
        Self { client: stack.router().with_token(&token), token }
    }

    async fn proof(&self) -> String {
        let query = "mutation { reauthenticate(input: { password: \"healthbridge-demo\" }) { reauthToken userErrors { code } } }";
        let data = self.client.data(query, Value::Null).await;
        data["reauthenticate"]["reauthToken"].as_str().unwrap_or_else(|| panic!("{data}")).to_owned()
    }

    async fn change(&self, mutation: &str, input_type: &str, input: Value) -> Value {
        let query = format!("mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ {REPORT} }} }}");
        self.client.data(&query, json!({ "input": input })).await[mutation].clone()
    }

    async fn draft(&self) -> Value {
        let patients = self.client.data("{ patients(first: 1) { nodes { id } } }", Value::Null).await;
        let input = json!({ "patientId": patients["patients"]["nodes"][0]["id"], "findings": "Nodule of 6 mm — 右上葉.",
            "impression": "Follow-up" });
        self.change("createReport", "CreateReportInput", input).await["report"].clone()
    }

    async fn signatures(&self, report: &Value) -> Value {
        let query = "query ($id: ID!) { report(id: $id) { signatures { keyId } } }";
        self.client.data(query, json!({ "id": report["id"] })).await["report"]["signatures"].clone()
    }

    async fn confirm(&self, draft: &Value, proof: Option<&str>) -> Value {
        let input = json!({ "reportId": draft["id"], "expectedVersion": draft["version"], "reauthToken": proof });
        self.change("confirmReport", "ConfirmReportInput", input).await
    }
}

/// Writes a version's file as it was exported.
fn export(folder: &Path, report: &Value, number: usize) -> PathBuf {
    let nodes = report["versions"]["nodes"].as_array().expect("versions");
    let version = nodes.iter().find(|node| node["number"] == json!(number)).expect("the version");
    let file = folder.join(format!("version-{number}.json"));
    std::fs::write(&file, version["signedDocument"].as_str().expect("a file")).expect("written");
    file
}

#[tokio::test]
async fn a_report_is_signed_by_whoever_is_asked_again_and_verified_by_whoever_has_the_keys() {
    let stack = Stack::start();
    let (folder, signer) = (stack::folder(), Signer::new(&stack).await);
    let draft = signer.draft().await;
    assert!(draft["id"].is_string(), "{draft}");

    // A token alone signs nothing, whatever is sent as a proof.
    let other = Signer::new(&stack).await;
    let key = SigningKey::open(&stack.data_dir.join("keys/signing.pem")).expect("the key");
    let minted = Tokens::with_key(key, &stack.url(0));
    let expired = minted.proof(&signer.token, Utc::now() - chrono::Duration::minutes(6));
    let of_another_session = other.proof().await;
    for (what, proof, code) in [
        ("nothing", None, "REQUIRED"),
        ("the access token itself", Some(signer.token.as_str()), "NOT_ALLOWED"),
        ("a proof of another session", Some(of_another_session.as_str()), "NOT_ALLOWED"),
        ("a proof that has expired", Some(expired.as_str()), "NOT_ALLOWED"),
        ("something else", Some("a.b.c"), "NOT_ALLOWED"),
    ] {
        let refused = signer.confirm(&draft, proof).await;
        let errors = json!([{ "code": code, "field": ["input", "reauthToken"] }]);
        assert_eq!(refused["userErrors"], errors, "{what}");
        assert_eq!(signer.signatures(&draft).await, json!([]), "{what}");
    }
    let proof = signer.proof().await;
    let as_access = stack.router().with_token(&proof).ask("{ me { id } }", Value::Null).await;
    assert_eq!(as_access.status.as_u16(), 401, "a proof gives no access");

    let released = signer.confirm(&draft, Some(&proof)).await["report"].clone();
    assert_eq!(released["signatures"][0]["valid"], json!(true), "{released}");
    let url = format!("{}/.well-known/report-signing-jwks.json", stack.url(0));
    let file = export(folder.path(), &released, 1);
    let (is_valid, said) = verify(&file, &url);
    assert!(is_valid && said.contains("version 1\n") && said.contains("valid      VERIFICATION by"), "{said}");
    assert!(said.ends_with("the report is what was signed\n"), "{said}");

    let text = std::fs::read_to_string(&file).expect("the file");
    let altered = folder.path().join("altered.json");
    std::fs::write(&altered, text.replace("6 mm", "9 mm")).expect("written");
    let (is_valid, said) = verify(&altered, &url);
    assert!(!is_valid && said.contains("the content was changed"), "{said}");

    // The next key signs what comes; what was signed before is verified by the set that has both.
    let rotated = Command::new(PROGRAM)
        .args(["keys", "rotate", "--reports", "--after-seconds", "3", "--key-file"])
        .arg(stack.data_dir.join("keys/reports.pem"))
        .output()
        .expect("it runs");
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let input = json!({ "reportId": draft["id"], "expectedVersion": released["version"], "reason": "Overlooked.",
        "findings": "Two nodules.", "reauthToken": proof });
    let amended = signer.change("amendReport", "AmendReportInput", input).await["report"].clone();
    let keys: Vec<&Value> = amended["signatures"].as_array().expect("two").iter().map(|one| &one["keyId"]).collect();
    assert_ne!(keys[0], keys[1], "{amended}");
    let kept = folder.path().join("keys.json");
    let jwks = reqwest::get(&url).await.expect("an answer").bytes().await.expect("bytes");
    std::fs::write(&kept, &jwks).expect("written");
    for number in [1, 2] {
        let (is_valid, said) = verify(&export(folder.path(), &amended, number), &kept.display().to_string());
        assert!(is_valid, "{number}: {said}");
    }
    let of_tokens = format!("{}/.well-known/jwks.json", stack.url(0));
    let (is_valid, said) = verify(&file, &of_tokens);
    assert!(!is_valid && said.contains("is not among the published ones"), "keys of tokens sign no reports: {said}");
}

/// A file that was made and signed here, with its key set.
fn made(folder: &Path) -> (String, PathBuf) {
    let signers = Signers::generate().expect("a key");
    let content = json!({ "findings": "Clear.", "critical": false });
    let statement = Statement {
        report_id: Uuid::from_u128(1),
        version: 1,
        content_sha256: Digest::of_content(&content).expect("canonical"),
        signer: Uuid::from_u128(2),
        meaning: Meaning::Authorship,
        signed_at: Utc::now(),
    };
    let signed = SignedStatement { signed: signers.sign(&statement, Utc::now()), statement };
    let report = SignedReport::new(Uuid::from_u128(1), 1, &content, vec![signed]).expect("canonical");
    let jwks = folder.join("jwks.json");
    std::fs::write(&jwks, signers.jwks().to_string()).expect("written");
    (report.to_text().expect("canonical"), jwks)
}

#[test]
fn the_command_says_why_it_refuses_a_file_and_shows_a_terminal_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, jwks) = made(folder.path());
    let (_, foreign) = {
        let other = folder.path().join("other");
        std::fs::create_dir(&other).expect("made");
        made(&other)
    };
    let judged = |text: &str, jwks: &Path| {
        let file = folder.path().join("report.json");
        std::fs::write(&file, text).expect("written");
        verify(&file, &jwks.display().to_string())
    };
    assert!(judged(&good, &jwks).0);
    assert!(judged(&good.replace(',', ",\n  "), &jwks).0, "white space is the writer's own");
    for (what, text, why) in [
        ("a letter", good.replace("Clear.", "Clear!"), "the content was changed"),
        ("another version", good.replacen("\"version\":1}", "\"version\":2}", 1), "the statement is about version"),
        ("something behind the end", format!("{good}{{}}"), "trailing"),
        (
            "a name twice",
            good.replace("\"critical\":false", "\"critical\":false,\"critical\":true"),
            "stands there twice",
        ),
        ("a name that nobody knows", good.replacen('{', "{\"\\u001b[2J\":1,", 1), "unknown field"),
        ("nobody's signature", without_signatures(&good), "nobody has signed it"),
        ("no report", "{}".to_owned(), "is no signed report"),
    ] {
        let (is_valid, said) = judged(&text, &jwks);
        assert!(!is_valid && said.contains(why), "{what}: {said}");
        assert!(!said.contains('\u{1b}'), "{what}: {said:?}");
    }
    let (is_valid, said) = judged(&good, &foreign);
    assert!(!is_valid && said.contains("is not among the published ones"), "{said}");
    for missing in ["nowhere.json", "http://127.0.0.1:1/keys"] {
        assert!(!verify(&folder.path().join("report.json"), missing).0, "{missing}");
    }
}

fn without_signatures(text: &str) -> String {
    let mut report: Value = serde_json::from_str(text).expect("JSON");
    report["signatures"] = json!([]);
    report.to_string()
}

#[test]
fn the_configuration_names_keys_of_reports_that_are_not_those_of_tokens_and_for_diagnosis_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str| {
        let file = folder.path().join("healthbridge.toml");
        std::fs::write(&file, text).expect("written");
        let output = Command::new(PROGRAM).args(["check-config", "--config"]).arg(&file).output().expect("it runs");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat()
    };
    let same = check(
        "[auth]\nsigning_key_file = \"/k/a.pem\"\n[subgraphs.diagnosis.reports]\nsigning_key_file = \"/k/a.pem\"\n",
    );
    assert!(same.contains("whoever signs people in would sign reports"), "{same}");
    let missing = check("[auth]\nsigning_key_file = \"/k/a.pem\"\n");
    assert!(missing.contains("`subgraphs.diagnosis.reports.signing_key_file` is missing"), "{missing}");
    let elsewhere = check("[subgraphs.billing.reports]\nsigning_key_file = \"/k/a.pem\"\n");
    assert!(elsewhere.contains("`subgraphs.billing.reports` is for diagnosis alone"), "{elsewhere}");
}
