//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

mod setup;

use healthbridge_testkit::{Mutations, TestDatabase, put};
use serde_json::json;
use setup::{dicom, request, setup_by};
use uuid::Uuid;

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let setup = setup_by(TestDatabase::only_connection).await;
    let (technologist, admin) = (&setup.technologist, &setup.admin);
    let mut runs = Mutations::of(technologist).await;
    let bytes = dicom(b"pixels");
    let mut input = request(Uuid::now_v7(), &bytes, "application/dicom");
    input["takenAt"] = json!("2026-01-01T00:00:00.123456789Z");
    let upload = "upload { id state expiresAt }";
    let made = runs.run_twice(technologist, "requestImageUpload", input, upload).await["upload"].clone();
    let query = "query ($id: ID!) { imageUpload(id: $id) { id state expiresAt put { url headers { name value } } } }";
    let mut later = technologist.data(query, json!({ "id": made["id"] })).await["imageUpload"].clone();
    assert!(put(&later, &bytes).await.expect("an answer").is_success());
    later.as_object_mut().expect("an upload").remove("put");
    assert_eq!(later, made);
    let image = "id version state takenAt uploadedAt";
    let complete = json!({ "uploadId": made["id"] });
    let done = runs.run_twice(technologist, "completeImageUpload", complete, &format!("image {{ {image} }}")).await;
    let query = format!("query ($id: ID!) {{ image(id: $id) {{ {image} }} }}");
    let later = technologist.data(&query, json!({ "id": made["id"] })).await;
    assert_eq!(later["image"], done["image"]);
    let delete = json!({ "imageId": made["id"], "reason": "a test", "idempotencyKey": Uuid::new_v4() });
    runs.run_twice(admin, "deleteImage", delete, "deletedImageId purgeAfter").await;
    runs.assert_all();
}
