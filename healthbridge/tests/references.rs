//! What one subgraph says of another's objects that are gone: the place is empty, and nothing around it is lost.

mod stack;

use serde_json::{Value, json};
use stack::{
    Stack, patients,
    writes::{mutation, upload},
};

#[tokio::test]
async fn a_deleted_image_takes_no_report_with_it() {
    let stack = Stack::start();
    let (doctor, admin) = (stack.sign_in("doctor").await, stack.sign_in("admin").await);
    let patient = patients(&doctor, 1).await.remove(0);
    let (kept, _) = upload(&doctor, &patient, b"kept").await.expect("an image");
    let (deleted, _) = upload(&doctor, &patient, b"deleted").await.expect("an image");
    let input = json!({ "patientId": patient, "findings": "two pictures", "imageIds": [deleted, kept] });
    let created = doctor.data(&mutation("createReport", "report { id }"), json!({ "input": input })).await;
    let report = created["createReport"]["report"]["id"].clone();
    let input = json!({ "imageId": deleted, "reason": "the wrong patient" });
    let gone = admin.data(&mutation("deleteImage", "deletedImageId"), json!({ "input": input })).await;
    assert_eq!(gone["deleteImage"]["userErrors"], json!([]), "{gone}");

    let query = "query ($id: ID!) { patient(id: $id) { reports(first: 100) { nodes { id findings images { id fileName } } } } }";
    let answer = doctor.ask(query, json!({ "id": patient })).await;
    let nodes = answer.body["data"]["patient"]["reports"]["nodes"].as_array().cloned().unwrap_or_default();
    let found = nodes.iter().find(|node| node["id"] == report).unwrap_or_else(|| panic!("no report: {}", answer.body));
    let images = found["images"].as_array().expect("a list");
    assert_eq!(found["findings"], json!("two pictures"));
    assert_eq!(images.len(), 2, "{found}");
    assert!(images.iter().any(Value::is_null), "{found}");
    assert!(images.iter().any(|image| image["id"] == kept && image["fileName"] == "test.png"), "{found}");
}
