//! Texts that reports begin with.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{Client, ListQuery};
use serde_json::{Value, json};
use setup::{refusals, send, setup};
use uuid::Uuid;

const TEMPLATE: &str = "template { id version name modality bodySite { code } findings retiredAt }";

async fn save(client: &Client, input: Value) -> Value {
    send(client, "saveReportTemplate", input, TEMPLATE).await
}

fn chest(modality: &str) -> Value {
    let site = json!({ "system": "http://snomed.info/sct", "code": "51185008", "display": "Chest" });
    json!({ "name": "Chest", "modality": modality, "bodySite": site, "findings": "The lungs are clear." })
}

#[tokio::test]
async fn templates_are_made_changed_found_by_modality_and_site_and_retired() {
    let setup = setup().await;
    let (radiologist, nurse) = (setup.as_role(Role::Radiologist), setup.as_role(Role::Nurse));
    let ct = save(&radiologist, chest("CT")).await["template"].clone();
    let mr = save(&radiologist, chest("MR")).await["template"].clone();
    let found = async |filter: Value| {
        let query =
            "query ($filter: ReportTemplateFilter) { reportTemplates(filter: $filter) { totalCount nodes { id } } }";
        let found = nurse.data(query, json!({ "filter": filter })).await["reportTemplates"].clone();
        let nodes = found["nodes"].as_array().expect("rows").iter().map(|node| node["id"].clone()).collect::<Vec<_>>();
        assert_eq!(found["totalCount"], json!(nodes.len()));
        nodes
    };
    assert_eq!(found(Value::Null).await, [mr["id"].clone(), ct["id"].clone()]);
    assert_eq!(found(json!({ "modality": "CT" })).await, [ct["id"].clone()]);
    assert_eq!(found(json!({ "modality": "MR", "bodySite": "51185008" })).await, [mr["id"].clone()]);
    assert_eq!(found(json!({ "bodySite": "0" })).await, Vec::<Value>::new());
    let mut change = chest("CT");
    change["templateId"] = ct["id"].clone();
    assert_eq!(refusals(&save(&radiologist, change.clone()).await), ["REQUIRED"]);
    change["expectedVersion"] = json!(1);
    change["name"] = json!("Chest, normal");
    let changed = save(&radiologist, change.clone()).await["template"].clone();
    assert_eq!(
        (&changed["name"], &changed["version"], &changed["id"]),
        (&json!("Chest, normal"), &json!(2), &ct["id"])
    );
    assert_eq!(refusals(&save(&radiologist, change).await), ["VERSION_CONFLICT"]);
    let retire = async |version: i32| {
        let input = json!({ "templateId": ct["id"], "expectedVersion": version });
        send(&radiologist, "retireReportTemplate", input, TEMPLATE).await
    };
    assert_eq!(refusals(&retire(1).await), ["VERSION_CONFLICT"]);
    assert!(retire(2).await["template"]["retiredAt"].is_string());
    assert_eq!(refusals(&retire(3).await), ["IMMUTABLE"]);
    assert_eq!(found(Value::Null).await, [mr["id"].clone()]);
}

#[tokio::test]
async fn what_is_no_template_is_refused_and_a_key_makes_one_once() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    for (field, value, code) in [
        ("name", json!(" "), "REQUIRED"),
        ("modality", json!("ct"), "INVALID_FORMAT"),
        ("modality", json!("A2345678901234567"), "INVALID_FORMAT"),
        ("findings", json!("a\u{7}"), "INVALID_FORMAT"),
    ] {
        let mut input = chest("CT");
        input[field] = value;
        assert_eq!(refusals(&save(&radiologist, input).await), [code], "{field}");
    }
    let mut unknown = chest("CT");
    unknown["templateId"] = json!(Uuid::now_v7());
    unknown["expectedVersion"] = json!(1);
    assert_eq!(refusals(&save(&radiologist, unknown).await), ["NOT_FOUND"]);
    let mut keyed = chest("CT");
    keyed["idempotencyKey"] = json!(Uuid::new_v4());
    assert_eq!(save(&radiologist, keyed.clone()).await, save(&radiologist, keyed).await);
    let list = ListQuery { query: "{ reportTemplates(PAGE) CONNECTION }", at: "/reportTemplates" };
    for _ in 0..6 {
        save(&radiologist, chest("CR")).await;
    }
    assert_eq!(list.assert_pages(&radiologist, "id", &Value::Null).await, 7);
}

#[tokio::test]
async fn who_writes_no_reports_makes_no_templates() {
    let setup = setup().await;
    let query =
        "mutation ($input: SaveReportTemplateInput!) { saveReportTemplate(input: $input) { userErrors { code } } }";
    for role in [Role::Nurse, Role::Admin, Role::Technologist, Role::Auditor, Role::Clerk] {
        let answer = setup.as_role(role).ask(query, json!({ "input": chest("CT") })).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"], "{role:?}");
    }
}
