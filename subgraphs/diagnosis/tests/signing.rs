//! What is released: versions that nobody changes, and signatures below them, over HTTP on a real database.

mod setup;

use chrono::{Duration, Utc};
use healthbridge_rights::Role;
use healthbridge_signature::{Digest, Meaning, PublicKeys, SignedReport, canonical};
use healthbridge_testkit::{Client, StatementCount};
use serde_json::{Value, json};
use setup::{Setup, begin, refusals, send, setup};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

const REPORT: &str = "report { id version status findings currentVersion issuedAt allowedTransitions
    signatures { version signedBy { id } signedAt meaning contentSha256 signature keyId valid }
    versions { totalCount nodes { number status findings impression content contentSha256 createdBy { id } reason } }
    addenda { text author { id } } }";

/// Somebody who signs.
struct Signer {
    staff: Uuid,
    client: Client,
    proof: String,
}

impl Signer {
    fn new(setup: &Setup) -> Self {
        let staff = Uuid::now_v7();
        let (client, proof) = setup.as_signer(Role::Radiologist, staff);
        Self { staff, client, proof }
    }

    /// A step with a report by the version that it was given by.
    async fn sign(&self, mutation: &str, report: &Value, input: Value) -> Value {
        let mut input = input;
        input["reportId"] = report["id"].clone();
        input["expectedVersion"] = report["version"].clone();
        input["reauthToken"] = json!(self.proof);
        send(&self.client, mutation, input, REPORT).await
    }

    async fn done(&self, mutation: &str, report: &Value, input: Value) -> Value {
        let payload = self.sign(mutation, report, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload["report"].clone()
    }
}

fn all_valid(report: &Value) -> bool {
    report["signatures"].as_array().expect("signatures").iter().all(|one| one["valid"] == json!(true))
}

#[tokio::test]
async fn a_report_is_released_amended_added_to_and_withdrawn_in_versions_that_are_signed() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let patient = Uuid::now_v7();
    let draft = begin(&signer.client, patient).await;
    let released = signer.done("confirmReport", &draft, json!({})).await;
    assert_eq!((&released["status"], &released["currentVersion"]), (&json!("FINAL"), &json!(1)));
    let (version, signature) = (&released["versions"]["nodes"][0], &released["signatures"][0]);
    assert_eq!((&version["findings"], &version["createdBy"]["id"]), (&json!("Clear."), &json!(signer.staff)));
    assert_eq!((&signature["meaning"], &signature["valid"]), (&json!("VERIFICATION"), &json!(true)));
    assert_eq!(
        (&signature["signedBy"]["id"], &signature["contentSha256"]),
        (&json!(signer.staff), &version["contentSha256"])
    );
    let content: Value = serde_json::from_str(version["content"].as_str().expect("a content")).expect("JSON");
    assert_eq!(json!(canonical(&content).expect("canonical")), version["content"], "written canonically");
    assert_eq!(json!(Digest::of_content(&content).expect("a digest").to_string()), version["contentSha256"]);
    assert_eq!((&content["patientId"], &content["status"]), (&json!(patient), &json!("FINAL")));
    let input = json!({ "reason": "Overlooked.", "findings": "A nodule.", "correction": true });
    let corrected = signer.done("amendReport", &released, input).await;
    assert_eq!((&corrected["status"], &corrected["findings"]), (&json!("CORRECTED"), &json!("A nodule.")));
    assert_eq!(corrected["issuedAt"], released["issuedAt"]);
    let amend = json!({ "reason": "More to say.", "impression": "See a physician." });
    let amended = signer.done("amendReport", &corrected, amend).await;
    let appended = signer.done("addAddendum", &amended, json!({ "text": "Seen by the ward." })).await;
    let again = signer.done("addAddendum", &appended, json!({ "text": "Seen once more." })).await;
    assert_eq!((&again["status"], &again["findings"]), (&json!("APPENDED"), &json!("A nodule.")));
    let author = json!({ "id": signer.staff });
    let addenda =
        json!([{ "text": "Seen by the ward.", "author": author }, { "text": "Seen once more.", "author": author }]);
    assert_eq!(again["addenda"], addenda);
    let withdrawn = signer.done("markReportEnteredInError", &again, json!({ "reason": "Wrong patient." })).await;
    let versions = withdrawn["versions"]["nodes"].as_array().expect("versions");
    let of = |field: &str| versions.iter().rev().map(|one| one[field].clone()).collect::<Vec<_>>();
    let statuses = ["FINAL", "CORRECTED", "AMENDED", "APPENDED", "APPENDED", "ENTERED_IN_ERROR"].map(Value::from);
    assert_eq!((of("status"), of("number")), (statuses.to_vec(), (1..=6).map(Value::from).collect()));
    assert_eq!(of("findings")[..2], [json!("Clear."), json!("A nodule.")], "the first one stays");
    assert_eq!(of("reason")[1], json!("Overlooked."));
    let meanings: Vec<_> =
        withdrawn["signatures"].as_array().expect("signatures").iter().map(|one| one["meaning"].clone()).collect();
    let expected = ["VERIFICATION", "AMENDMENT", "AMENDMENT", "ADDENDUM", "ADDENDUM", "AMENDMENT"].map(Value::from);
    assert_eq!(meanings, expected);
    assert!(all_valid(&withdrawn), "{withdrawn:#}");
    assert_eq!(withdrawn["allowedTransitions"], json!([]));
    let logs = "query ($report: ID!) { workflowLogs(filter: { reportId: $report }) { nodes { action } } }";
    let logs = signer.client.data(logs, json!({ "report": draft["id"] })).await;
    let actions = ["CANCELLED", "ADDENDUM_ADDED", "ADDENDUM_ADDED", "AMENDED", "AMENDED", "CONFIRMED", "DRAFTED"];
    let actions: Vec<_> = actions.iter().map(|action| json!({ "action": action })).collect();
    assert_eq!(logs["workflowLogs"]["nodes"], json!(actions));
    // The patient has seen none of what was before the release, and sees all of it since.
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let query = "query ($id: ID!) { report(id: $id) { status versions { totalCount } signatures { valid } } }";
    let seen = own.data(query, json!({ "id": draft["id"] })).await["report"].clone();
    assert_eq!((&seen["versions"]["totalCount"], &seen["status"]), (&json!(6), &json!("ENTERED_IN_ERROR")));
}

#[tokio::test]
async fn nobody_signs_who_was_not_asked_again_in_this_session_a_moment_ago() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    let other = Signer::new(&setup);
    let token = setup.tokens.key.sign(&setup.tokens.claims(Role::Radiologist, None, Some(signer.staff)));
    let old = setup.tokens.proof(&token, Utc::now() - Duration::minutes(6));
    let confirm = |proof: Value| json!({ "reportId": draft["id"], "expectedVersion": 1, "reauthToken": proof });
    let at_proof = json!(["input", "reauthToken"]);
    for (proof, code) in [
        (Value::Null, "REQUIRED"),
        (json!(other.proof), "NOT_ALLOWED"),
        (json!(old), "NOT_ALLOWED"),
        (json!("nonsense"), "NOT_ALLOWED"),
    ] {
        let payload = send(&signer.client, "confirmReport", confirm(proof.clone()), REPORT).await;
        assert_eq!(payload["userErrors"], json!([{ "code": code, "field": at_proof }]), "{proof}");
    }
    let client = setup.anonymous.with_token(&token);
    let of_another_session = send(&client, "confirmReport", confirm(json!(signer.proof)), REPORT).await;
    assert_eq!(refusals(&of_another_session), ["NOT_ALLOWED"]);
    let released = signer.done("confirmReport", &draft, json!({})).await;
    for (mutation, mut input) in [
        ("amendReport", json!({ "reason": "x", "findings": "x" })),
        ("addAddendum", json!({ "text": "x" })),
        ("markReportEnteredInError", json!({ "reason": "x" })),
    ] {
        input["reportId"] = released["id"].clone();
        input["expectedVersion"] = released["version"].clone();
        assert_eq!(refusals(&send(&signer.client, mutation, input, REPORT).await), ["REQUIRED"], "{mutation}");
    }
    let query = "mutation ($input: ConfirmReportInput!) { confirmReport(input: $input) { userErrors { code } } }";
    for role in [Role::Nurse, Role::Technologist, Role::Admin, Role::Auditor] {
        assert_eq!(
            setup.as_role(role).ask(query, json!({ "input": confirm(Value::Null) })).await.codes(),
            ["FORBIDDEN"]
        );
    }
}

#[tokio::test]
async fn of_two_who_release_a_report_at_once_one_has_and_there_is_one_version() {
    let setup = setup().await;
    let first = Signer::new(&setup);
    for _ in 0..10 {
        let draft = begin(&first.client, Uuid::now_v7()).await;
        let signers = [Signer::new(&setup), Signer::new(&setup)];
        let both = signers.each_ref().map(|signer| signer.sign("confirmReport", &draft, json!({})));
        let answers = futures::future::join_all(both).await;
        let mut codes: Vec<_> = answers.iter().map(refusals).collect();
        codes.sort();
        assert_eq!(codes, [vec![], vec!["VERSION_CONFLICT".to_owned()]]);
        for answer in &answers {
            assert_eq!(answer["report"]["status"], json!("FINAL"), "and who came too late is shown it");
            assert_eq!(answer["report"]["versions"]["totalCount"], json!(1));
            assert_eq!(answer["report"]["signatures"].as_array().map(Vec::len), Some(1));
        }
    }
}

#[tokio::test]
async fn each_version_is_a_file_that_is_verified_by_the_published_keys_alone() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    let released = signer.done("confirmReport", &draft, json!({ "meaning": "AUTHORSHIP" })).await;
    signer.done("amendReport", &released, json!({ "reason": "Overlooked.", "findings": "A nodule." })).await;
    let jwks = reqwest::get(format!("{}/.well-known/report-signing-jwks.json", setup.url)).await.expect("an answer");
    let keys = PublicKeys::from_jwks(&jwks.bytes().await.expect("bytes")).expect("a key set");
    let files = async || {
        let query = "query ($id: ID!) { report(id: $id) { versions { nodes { signedDocument } } } }";
        let found = signer.client.data(query, json!({ "id": draft["id"] })).await;
        let nodes = found["report"]["versions"]["nodes"].as_array().cloned().expect("versions");
        let text = |node: &Value| node["signedDocument"].as_str().map(str::to_owned).expect("a file");
        nodes.iter().rev().map(text).collect::<Vec<_>>()
    };
    let signed = files().await;
    let read = |text: &String| SignedReport::read(text.as_bytes()).expect("a signed report");
    let files_now: Vec<SignedReport> = signed.iter().map(read).collect();
    let meanings: Vec<Meaning> = files_now.iter().map(|file| file.signatures[0].statement.meaning).collect();
    assert_eq!(meanings, [Meaning::Authorship, Meaning::Amendment]);
    for (file, number) in files_now.iter().zip(1..) {
        assert_eq!((file.version, file.signatures.len()), (number, 1));
        assert_eq!(file.signatures[0].statement.signer, signer.staff);
        assert!(file.verify(&keys).is_valid());
    }
    // The signature of one version below the content of the other.
    let mut swapped = files_now[1].clone();
    swapped.signatures = files_now[0].signatures.clone();
    assert!(!swapped.verify(&keys).is_valid());
    // What the database was made to say since is exported, and is not what was signed.
    let by_hand = "ALTER TABLE diagnosis.report_version DISABLE TRIGGER ALL;
        ALTER TABLE diagnosis.report_version DROP CONSTRAINT IF EXISTS report_version_check;
        UPDATE diagnosis.report_version SET content = replace(content, 'Clear.', 'Clear!') WHERE number = 1";
    sqlx::raw_sql(by_hand).execute(&setup.database.pool).await.expect("done");
    let valid: Vec<bool> = files().await.iter().map(|text| read(text).verify(&keys).is_valid()).collect();
    assert_eq!(valid, [false, true]);
}

#[tokio::test]
async fn what_was_released_is_changed_by_nobody_and_whoever_could_is_found_out() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    let released = signer.done("confirmReport", &draft, json!({})).await;
    let released = signer.done("addAddendum", &released, json!({ "text": "More." })).await;
    let pool = &setup.database.pool;
    for table in ["report_version", "report_signature", "report_addendum"] {
        let column = if table == "report_version" { "reason" } else { "report_id" };
        for statement in [
            format!("UPDATE diagnosis.{table} SET {column} = {column}"),
            format!("DELETE FROM diagnosis.{table}"),
            format!("TRUNCATE diagnosis.{table} CASCADE"),
        ] {
            let refused = pool.execute(AssertSqlSafe(statement.clone())).await.expect_err(&statement).to_string();
            assert!(refused.contains("only grows"), "{statement}: {refused}");
        }
    }
    let forged =
        "INSERT INTO diagnosis.report_version SELECT report_id, 9, status, '{}', content_sha256, created_at, created_by
                  FROM diagnosis.report_version WHERE number = 1";
    pool.execute(forged).await.expect_err("a digest of something else");
    let valid = async || {
        let query = "query ($id: ID!) { report(id: $id) { signatures { version valid } } }";
        let found = signer.client.data(query, json!({ "id": draft["id"] })).await;
        let signatures = found["report"]["signatures"].as_array().expect("signatures").clone();
        signatures.iter().map(|one| one["valid"] == json!(true)).collect::<Vec<_>>()
    };
    assert_eq!(valid().await, [true, true]);
    // Somebody who owns the database, and takes its guards away.
    let by_hand = async |statement: &str| {
        let statement = format!(
            "ALTER TABLE diagnosis.report_version DISABLE TRIGGER ALL; ALTER TABLE diagnosis.report_version
             DROP CONSTRAINT IF EXISTS report_version_check; {statement}"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await.expect("done");
    };
    by_hand("UPDATE diagnosis.report SET findings = 'A nodule.'").await;
    assert_eq!(valid().await, [true, false], "the report says something else than its last version");
    by_hand("UPDATE diagnosis.report SET findings = 'Clear.'").await;
    by_hand("UPDATE diagnosis.report_version SET content = replace(content, 'Clear.', 'Clear!') WHERE number = 1")
        .await;
    assert_eq!(valid().await, [false, true]);
    drop(released);
}

#[tokio::test]
async fn a_release_that_is_sent_again_is_answered_alike_and_needs_no_new_proof() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    let key = json!(Uuid::new_v4());
    let first = signer.sign("confirmReport", &draft, json!({ "idempotencyKey": key })).await;
    let input = json!({ "reportId": draft["id"], "expectedVersion": 1, "idempotencyKey": key });
    let again = send(&signer.client, "confirmReport", input, REPORT).await;
    assert_eq!(again, first);
    let released = first["report"].clone();
    for (mutation, mut input, other) in [
        ("amendReport", json!({ "reason": "x", "findings": "A nodule." }), "reason"),
        ("addAddendum", json!({ "text": "More." }), "text"),
    ] {
        input["idempotencyKey"] = json!(Uuid::new_v4());
        let present =
            signer.client.data("query ($id: ID!) { report(id: $id) { id version } }", json!({ "id": draft["id"] }));
        let present = present.await["report"].clone();
        let once = signer.sign(mutation, &present, input.clone()).await;
        assert_eq!(once["userErrors"], json!([]), "{mutation}");
        assert_eq!(signer.sign(mutation, &present, input.clone()).await, once, "{mutation}");
        input[other] = json!("something else");
        assert_eq!(refusals(&signer.sign(mutation, &present, input).await), ["IDEMPOTENCY_KEY_REUSED"]);
    }
    drop(released);
}

#[tokio::test]
async fn what_another_system_has_released_has_a_first_version_as_soon_as_it_is_changed() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    setup.set_status(&draft["id"], "FINAL").await;
    let amended = signer.done("amendReport", &draft, json!({ "reason": "x", "findings": "A nodule." })).await;
    let versions = amended["versions"]["nodes"].as_array().expect("versions");
    let seen: Vec<_> = versions.iter().map(|one| (one["number"].clone(), one["findings"].clone())).collect();
    assert_eq!(seen, [(json!(2), json!("A nodule.")), (json!(1), json!("Clear."))]);
    assert_eq!(amended["signatures"].as_array().map(Vec::len), Some(1), "what others released nobody has signed here");
    assert!(all_valid(&amended) && amended["signatures"][0]["version"] == json!(2));
}

#[tokio::test]
async fn what_is_wrong_with_a_release_is_said() {
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let draft = begin(&signer.client, Uuid::now_v7()).await;
    let confirm = async |input: Value| refusals(&signer.sign("confirmReport", &draft, input).await);
    assert_eq!(confirm(json!({ "meaning": "ADDENDUM" })).await, ["OUT_OF_RANGE"]);
    assert_eq!(confirm(json!({ "meaning": "AMENDMENT" })).await, ["OUT_OF_RANGE"]);
    let empty =
        send(&signer.client, "createReport", json!({ "patientId": Uuid::now_v7() }), "report { id version }").await;
    assert_eq!(refusals(&signer.sign("confirmReport", &empty["report"], json!({})).await), ["ILLEGAL_TRANSITION"]);
    let nobodys = json!({ "id": Uuid::now_v7(), "version": 1 });
    assert_eq!(refusals(&signer.sign("confirmReport", &nobodys, json!({})).await), ["NOT_FOUND"]);
    let other = Signer::new(&setup);
    let input = json!({ "reportId": draft["id"], "assigneeId": Uuid::now_v7() });
    let held = send(&other.client, "assignReport", input, "report { id version }").await["report"].clone();
    assert_eq!(refusals(&signer.sign("confirmReport", &held, json!({})).await), ["NOT_ALLOWED"]);
    let released = begin(&signer.client, Uuid::now_v7()).await;
    let released = signer.done("confirmReport", &released, json!({ "meaning": "AUTHORSHIP" })).await;
    for (mutation, input, codes) in [
        ("confirmReport", json!({}), ["ILLEGAL_TRANSITION"]),
        ("amendReport", json!({ "reason": "x" }), ["REQUIRED"]),
        ("amendReport", json!({ "reason": " ", "findings": "x" }), ["REQUIRED"]),
        ("amendReport", json!({ "reason": "x", "findings": "", "impression": "" }), ["REQUIRED"]),
        ("addAddendum", json!({ "text": " " }), ["REQUIRED"]),
        ("markReportEnteredInError", json!({ "reason": "" }), ["REQUIRED"]),
    ] {
        assert_eq!(refusals(&signer.sign(mutation, &released, input.clone()).await), codes, "{mutation} {input}");
    }
    assert_eq!(
        refusals(&signer.sign("amendReport", &draft, json!({ "reason": "x", "findings": "x" })).await),
        ["VERSION_CONFLICT"]
    );
}

#[tokio::test]
async fn a_hundred_reports_versions_signatures_and_addenda_cost_as_many_statements_as_ones() {
    let count = StatementCount::start();
    let setup = setup().await;
    let signer = Signer::new(&setup);
    let mut reports = Vec::new();
    for _ in 0..100 {
        let draft = begin(&signer.client, Uuid::now_v7()).await;
        let released = signer.done("confirmReport", &draft, json!({})).await;
        reports.push(released["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()).expect("an id"));
    }
    for (selection, statements) in [
        ("versions { nodes { number content } }", 2),
        ("versions { totalCount nodes { number } }", 3),
        ("versions { nodes { number signedDocument } }", 3),
        ("addenda { text }", 2),
        ("signatures { valid }", 3),
        ("signatures { valid } addenda { text } versions { nodes { number } }", 4),
    ] {
        for of in [&reports[..1], &reports] {
            let (answer, ran) = count.during(signer.client.entities("DiagnosisReport", of, selection)).await;
            assert!(answer.codes().is_empty(), "{}", answer.body);
            assert_eq!(ran, statements, "{selection}: {}", of.len());
        }
    }
}
