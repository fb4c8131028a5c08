//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

use healthbridge_auth::Role;
use healthbridge_graphql::Exposure;
use healthbridge_imaging::{DESCRIPTION, open};
use healthbridge_testkit::{Client, Mutations, TestDatabase, TestStorage, Tokens, serve};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

async fn put(upload: &Value, bytes: &[u8]) {
    let mut request = reqwest::Client::new().put(upload["put"]["url"].as_str().expect("a URL")).body(bytes.to_vec());
    for header in upload["put"]["headers"].as_array().expect("headers") {
        let (name, value) = (header["name"].as_str().expect("a name"), header["value"].as_str().expect("a value"));
        if name != "content-length" {
            request = request.header(name, value);
        }
    }
    assert!(request.send().await.expect("an answer").status().is_success());
}

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let (database, storage, tokens) =
        (TestDatabase::of(DESCRIPTION.provision).await, TestStorage::start().await, Tokens::new());
    let url =
        serve(open(database.only_connection(), storage.objects.clone()).routes(tokens.verifier(), Exposure::default()))
            .await;
    let technologist = Client::new(&url).with_token(tokens.of(Role::Technologist));
    let admin = Client::new(&url).with_token(tokens.of(Role::Admin));
    let mut runs = Mutations::of(&technologist).await;
    let bytes = [&[0; 128], b"DICM".as_slice(), b"pixels"].concat();
    let input = json!({ "patientId": Uuid::now_v7(), "fileName": "a.dcm", "contentType": "application/dicom",
        "byteSize": bytes.len().to_string(), "sha256": hex::encode(Sha256::digest(&bytes)), "modality": "CT",
        "takenAt": "2026-01-01T00:00:00.123456789Z", "idempotencyKey": Uuid::new_v4() });
    let upload = "upload { id state expiresAt }";
    let made = runs.run_twice(&technologist, "requestImageUpload", input.clone(), upload).await["upload"].clone();
    let query = "query ($id: ID!) { imageUpload(id: $id) { id state expiresAt put { url headers { name value } } } }";
    let mut later = technologist.data(query, json!({ "id": made["id"] })).await["imageUpload"].clone();
    put(&later, &bytes).await;
    later.as_object_mut().expect("an upload").remove("put");
    assert_eq!(later, made);
    let image = "id version state takenAt uploadedAt";
    let complete = json!({ "uploadId": made["id"] });
    let done = runs.run_twice(&technologist, "completeImageUpload", complete, &format!("image {{ {image} }}")).await;
    let query = format!("query ($id: ID!) {{ image(id: $id) {{ {image} }} }}");
    let later = technologist.data(&query, json!({ "id": made["id"] })).await;
    assert_eq!(later["image"], done["image"]);
    let delete = json!({ "imageId": made["id"], "reason": "a test", "idempotencyKey": Uuid::new_v4() });
    runs.run_twice(&admin, "deleteImage", delete, "deletedImageId purgeAfter").await;
    runs.assert_all();
}
