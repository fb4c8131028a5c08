//! Reports that are written: drafts, whose they are, and what becomes of those who come too late.

mod setup;

use std::time::Duration;

use healthbridge_rights::Role;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use setup::{Setup, begin, refusals, send, setup};
use uuid::Uuid;

const REPORT: &str =
    "report { id version status findings impression technique critical assignee { id } allowedTransitions }";

/// Writes a report by the version that it was given by.
async fn write(client: &Client, report: &Value, input: Value) -> Value {
    let mut input = input;
    input["reportId"] = report["id"].clone();
    input["expectedVersion"] = report["version"].clone();
    send(client, "updateReportDraft", input, REPORT).await
}

async fn assign(client: &Client, report: &Value, assignee: Uuid, take_over: bool) -> Value {
    let input = json!({ "reportId": report["id"], "assigneeId": assignee, "takeOver": take_over });
    send(client, "assignReport", input, REPORT).await
}

/// Lets the time pass for which somebody has a report.
async fn let_go(setup: &Setup) {
    let end = sqlx::query("UPDATE diagnosis.report SET assigned_until = now() - interval '1 second'");
    end.execute(&setup.database.pool).await.expect("ended");
}

#[tokio::test]
async fn a_draft_is_written_field_by_field_and_moves_between_partial_and_preliminary() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let input = json!({ "patientId": Uuid::now_v7() });
    let begun = send(&radiologist, "createReport", input, REPORT).await["report"].clone();
    assert_eq!(begun["allowedTransitions"], json!(["PARTIAL", "PRELIMINARY", "CANCELLED"]));
    let noted = write(&radiologist, &begun, json!({ "technique": "CT without contrast." })).await["report"].clone();
    assert_eq!((&noted["status"], &noted["version"]), (&json!("REGISTERED"), &json!(2)));
    let empty = write(&radiologist, &noted, json!({ "status": "PARTIAL" })).await;
    assert_eq!(refusals(&empty), ["REQUIRED"]);
    let first = write(&radiologist, &noted, json!({ "findings": "Clear." })).await["report"].clone();
    assert_eq!((&first["status"], &first["technique"]), (&json!("PRELIMINARY"), &json!("CT without contrast.")));
    let partial = write(&radiologist, &first, json!({ "status": "PARTIAL", "critical": true })).await["report"].clone();
    assert_eq!((&partial["status"], &partial["findings"]), (&json!("PARTIAL"), &json!("Clear.")));
    assert_eq!(partial["allowedTransitions"], json!(["PRELIMINARY", "FINAL", "CANCELLED"]));
    let other =
        write(&radiologist, &partial, json!({ "impression": "Normal.", "findings": "" })).await["report"].clone();
    assert_eq!((&other["findings"], &other["impression"]), (&Value::Null, &json!("Normal.")));
    assert_eq!(refusals(&write(&radiologist, &other, json!({ "impression": " " })).await), ["REQUIRED"]);
    for status in ["REGISTERED", "FINAL", "AMENDED", "CANCELLED", "ENTERED_IN_ERROR", "UNKNOWN"] {
        assert_eq!(refusals(&write(&radiologist, &other, json!({ "status": status })).await), ["ILLEGAL_TRANSITION"]);
    }
}

#[tokio::test]
async fn what_was_released_or_ended_is_written_no_more() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let report = begin(&radiologist, Uuid::now_v7()).await;
    for status in ["FINAL", "AMENDED", "CORRECTED", "APPENDED", "ENTERED_IN_ERROR", "CANCELLED", "UNKNOWN"] {
        setup.set_status(&report["id"], status).await;
        assert_eq!(
            refusals(&write(&radiologist, &report, json!({ "findings": "x" })).await),
            ["IMMUTABLE"],
            "{status}"
        );
        assert_eq!(refusals(&assign(&radiologist, &report, Uuid::now_v7(), true).await), ["IMMUTABLE"], "{status}");
        let cancel = json!({ "reportId": report["id"], "expectedVersion": report["version"], "reason": "x" });
        let cancelled = send(&radiologist, "cancelReport", cancel, REPORT).await;
        assert_eq!(refusals(&cancelled), ["ILLEGAL_TRANSITION"], "{status}");
    }
}

#[tokio::test]
async fn whoever_comes_too_late_is_shown_what_the_other_one_has_written() {
    let setup = setup().await;
    let staff = Uuid::now_v7();
    let (one, other) = (setup.as_staff(Role::Radiologist, staff), setup.as_staff(Role::Radiologist, staff));
    let report = begin(&one, Uuid::now_v7()).await;
    let written = write(&one, &report, json!({ "findings": "A nodule." })).await["report"].clone();
    let late = write(&other, &report, json!({ "findings": "Nothing." })).await;
    assert_eq!(refusals(&late), ["VERSION_CONFLICT"]);
    assert_eq!((&late["report"]["findings"], &late["report"]["version"]), (&json!("A nodule."), &written["version"]));
    let nobodys = write(&one, &json!({ "id": Uuid::now_v7(), "version": 1 }), json!({ "findings": "x" })).await;
    assert_eq!((refusals(&nobodys), &nobodys["report"]), (vec!["NOT_FOUND".to_owned()], &Value::Null));
}

#[tokio::test]
async fn of_32_radiologists_who_take_a_report_at_once_one_has_it() {
    let setup = setup().await;
    let report = begin(&setup.as_role(Role::Radiologist), Uuid::now_v7()).await;
    let takers: Vec<_> = (0..32)
        .map(|_| {
            let (staff, report) = (Uuid::now_v7(), report.clone());
            let radiologist = setup.as_staff(Role::Radiologist, staff);
            tokio::spawn(async move { (staff, assign(&radiologist, &report, staff, false).await) })
        })
        .collect();
    let (mut holders, mut refused) = (Vec::new(), 0);
    for taker in takers {
        let (staff, payload) = taker.await.expect("an answer");
        if payload["userErrors"] == json!([]) {
            holders.push(json!(staff));
        } else {
            assert_eq!(refusals(&payload), ["NOT_ALLOWED"]);
            refused += 1;
        }
    }
    assert_eq!((holders.len(), refused), (1, 31));
    let query = "query ($id: ID!) { report(id: $id) { assignee { id } } }";
    let found = setup.as_role(Role::Nurse).data(query, json!({ "id": report["id"] })).await;
    assert_eq!(found["report"]["assignee"]["id"], holders[0]);
}

#[tokio::test]
async fn nobody_writes_what_somebody_else_is_writing_until_it_is_free_or_taken_over() {
    let setup = setup().await;
    let staff = [Uuid::now_v7(), Uuid::now_v7()];
    let [one, other] = staff.map(|staff| setup.as_staff(Role::Radiologist, staff));
    let report = begin(&one, Uuid::now_v7()).await;
    // Who writes it has it.
    let held = write(&one, &report, json!({ "findings": "A nodule." })).await["report"].clone();
    assert_eq!(held["assignee"]["id"], json!(staff[0]));
    let refused = write(&other, &held, json!({ "findings": "Nothing." })).await;
    assert_eq!(refusals(&refused), ["NOT_ALLOWED"]);
    assert_eq!(refused["report"]["assignee"]["id"], json!(staff[0]), "and is told who has it");
    assert_eq!(refused["report"]["allowedTransitions"], json!([]));
    assert_eq!(refusals(&assign(&other, &held, staff[1], false).await), ["NOT_ALLOWED"]);
    let cancel = json!({ "reportId": held["id"], "expectedVersion": held["version"], "reason": "x" });
    assert_eq!(refusals(&send(&other, "cancelReport", cancel, REPORT).await), ["NOT_ALLOWED"]);
    let taken = assign(&other, &held, staff[1], true).await["report"].clone();
    let now_theirs = write(&other, &taken, json!({ "findings": "Nothing." })).await["report"].clone();
    assert_eq!(refusals(&write(&one, &taken, json!({ "findings": "x" })).await), ["VERSION_CONFLICT"]);
    assert_eq!(refusals(&write(&one, &now_theirs, json!({ "findings": "x" })).await), ["NOT_ALLOWED"]);
    let_go(&setup).await;
    let again = write(&one, &now_theirs, json!({ "findings": "A nodule after all." })).await["report"].clone();
    assert_eq!(again["assignee"]["id"], json!(staff[0]));
    // Whoever has it passes it on.
    assert_eq!(assign(&one, &again, staff[1], false).await["report"]["assignee"]["id"], json!(staff[1]));
}

#[tokio::test]
async fn only_members_of_the_staff_who_may_write_do_so() {
    let setup = setup().await;
    let report = begin(&setup.as_role(Role::Radiologist), Uuid::now_v7()).await;
    let outsider = setup.tokens.key.sign(&setup.tokens.claims(Role::Doctor, None, None));
    let outsider = setup.anonymous.with_token(outsider);
    let refused = write(&outsider, &report, json!({ "findings": "x" })).await;
    assert_eq!(refusals(&refused), ["NOT_ALLOWED"]);
    assert_eq!(refused["report"]["allowedTransitions"], json!([]));
    let query = "mutation ($input: UpdateReportDraftInput!) { updateReportDraft(input: $input) { report { id } } }";
    for role in [Role::Nurse, Role::Technologist, Role::Auditor, Role::Clerk, Role::Admin] {
        let input = json!({ "input": { "reportId": report["id"], "expectedVersion": 1 } });
        assert_eq!(setup.as_role(role).ask(query, input).await.codes(), ["FORBIDDEN"], "{role:?}");
    }
}

#[tokio::test]
async fn what_is_done_with_a_report_stands_in_the_workflow_log() {
    let setup = setup().await;
    let staff = Uuid::now_v7();
    let radiologist = setup.as_staff(Role::Radiologist, staff);
    let report = begin(&radiologist, Uuid::now_v7()).await;
    let assigned = assign(&radiologist, &report, staff, false).await["report"].clone();
    let written = write(&radiologist, &assigned, json!({ "critical": true })).await["report"].clone();
    let cancel =
        json!({ "reportId": written["id"], "expectedVersion": written["version"], "reason": "Wrong patient." });
    let cancelled = send(&radiologist, "cancelReport", cancel, "report { status statusReason }").await;
    assert_eq!(cancelled["report"], json!({ "status": "CANCELLED", "statusReason": "Wrong patient." }));
    let logs = "query ($report: ID!) { workflowLogs(filter: { reportId: $report }) { nodes { action note } } }";
    let logs = radiologist.data(logs, json!({ "report": report["id"] })).await;
    let expected = json!([{ "action": "CANCELLED", "note": "Wrong patient." }, { "action": "DRAFTED", "note": null },
        { "action": "ASSIGNED", "note": null }, { "action": "DRAFTED", "note": null }]);
    assert_eq!(logs["workflowLogs"]["nodes"], expected);
}

#[tokio::test]
async fn a_patient_learns_nothing_of_a_draft_by_any_path() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (patient, image) = (Uuid::now_v7(), Uuid::now_v7());
    let input = json!({ "patientId": patient, "imageIds": [image], "findings": "A nodule." });
    let draft = send(&radiologist, "createReport", input, "report { id version }").await["report"].clone();
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let of_image =
        "reports { totalCount nodes { id version updatedAt assignee { id } versions { totalCount } addenda { id } } }";
    let nothing = json!({ "reports": { "totalCount": 0, "nodes": [] } });
    for (type_name, id) in [("MedicalImage", image), ("Patient", patient)] {
        let seen = own.entities(type_name, &[id, Uuid::now_v7()], of_image).await;
        assert_eq!(seen.body["data"]["_entities"], json!([nothing, nothing]), "{type_name}");
    }
    for root in [
        "reports { totalCount }",
        "reportWorklist { totalCount }",
        "criticalResults { totalCount }",
        "reportTemplates { totalCount }",
    ] {
        assert_eq!(own.ask(&format!("{{ {root} }}"), Value::Null).await.codes(), ["FORBIDDEN"], "{root}");
    }
    let search = "reports(filter: { text: \"nodule\" }) { totalCount }";
    for (type_name, id) in [("MedicalImage", image), ("Patient", patient)] {
        assert_eq!(own.entities(type_name, &[id], search).await.codes(), ["FORBIDDEN"], "{type_name}");
    }
    assert_eq!(own.entities("MedicalStaff", &[Uuid::now_v7()], "reports { totalCount }").await.codes(), ["FORBIDDEN"]);
    setup.set_status(&draft["id"], "FINAL").await;
    for (type_name, id) in [("MedicalImage", image), ("Patient", patient)] {
        let seen = own.entities(type_name, &[id], "reports { totalCount nodes { id } }").await;
        let one = json!([{ "reports": { "totalCount": 1, "nodes": [{ "id": draft["id"] }] } }]);
        assert_eq!(seen.body["data"]["_entities"], one, "{type_name}");
    }
    // Of somebody else's image there is nothing to be seen.
    let other = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    let seen = other.entities("MedicalImage", &[image], "reports { totalCount nodes { id } }").await;
    assert_eq!(seen.body["data"]["_entities"], json!([nothing]));
}

#[tokio::test]
async fn words_are_found_in_findings_and_impressions_and_by_whoever_wrote_them_only_now() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (patient, image) = (Uuid::now_v7(), Uuid::now_v7());
    let begin = async |findings: &str| {
        let input = json!({ "patientId": patient, "imageIds": [image], "findings": findings });
        send(&radiologist, "createReport", input, "report { id version }").await["report"].clone()
    };
    let (fracture, clear) = (begin("A fracture of the left radius.").await, begin("No pleural effusion.").await);
    let found = async |text: &str| {
        let query = "query ($text: String!) { reports(filter: { text: $text }) { totalCount nodes { id } } }";
        let found = radiologist.data(query, json!({ "text": text })).await["reports"].clone();
        let ids: Vec<Value> = found["nodes"].as_array().expect("reports").iter().map(|one| one["id"].clone()).collect();
        assert_eq!(found["totalCount"], json!(ids.len()), "{text}");
        ids
    };
    assert_eq!(found("fracture").await, [fracture["id"].clone()]);
    assert_eq!(found("FRACTURE radius").await, [fracture["id"].clone()]);
    assert_eq!(found("\"no pleural\"").await, [clear["id"].clone()]);
    assert_eq!(found("fracture or effusion").await, [clear["id"].clone(), fracture["id"].clone()]);
    assert_eq!(found("effusion -no").await, Vec::<Value>::new());
    assert_eq!(found("nothing\u{0}of 'this & (").await, Vec::<Value>::new());
    assert_eq!(found(" ").await.len(), 2, "nothing is looked for");
    write(&radiologist, &clear, json!({ "impression": "An old fracture." })).await;
    assert_eq!(found("fracture").await.len(), 2);
    for (type_name, id) in [("MedicalImage", image), ("Patient", patient)] {
        let selection = "reports(filter: { text: \"left\" }) { nodes { id } }";
        let seen = radiologist.entities(type_name, &[id], selection).await;
        assert_eq!(seen.body["data"]["_entities"][0]["reports"]["nodes"], json!([{ "id": fracture["id"] }]));
    }
    // What others have loaded is found a moment after the start.
    let load = sqlx::query("UPDATE diagnosis.report SET search = NULL, search_language = ''");
    load.execute(&setup.database.pool).await.expect("loaded");
    let working = setup.work();
    while found("fracture").await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    working.abort();
}
