//! Changes that a client asks for, who expects that the program may be gone at any time.

use healthbridge_testkit::{Client, put};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A mutation with one input, and what is asked of its answer.
pub fn mutation(operation: &str, selection: &str) -> String {
    let name = format!("{}{}", operation[..1].to_uppercase(), &operation[1..]);
    format!(
        "mutation ($input: {name}Input!) {{ {operation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    )
}

/// Registers a patient; gives the id, if it was acknowledged.
pub async fn register(client: &Client) -> Option<Value> {
    let input = json!({ "name": { "family": Uuid::new_v4(), "given": ["Test"] }, "gender": "UNKNOWN",
        "allowDuplicate": true });
    let answer = client.try_ask(&mutation("createPatient", "patient { id }"), json!({ "input": input })).await.ok()?;
    let id = answer.body["data"]["createPatient"]["patient"]["id"].clone();
    id.is_string().then_some(id)
}

/// An image of 50 KB that has these bytes in it.
pub fn image(bytes: &[u8]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), bytes, &vec![7; 50_000]].concat()
}

/// What `requestImageUpload` is told of an image.
pub fn upload_input(patient: &Value, content: &[u8]) -> Value {
    json!({
        "patientId": patient, "fileName": "test.png", "contentType": "image/png", "byteSize": content.len(),
        "sha256": hex::encode(Sha256::digest(content)), "modality": "OT", "idempotencyKey": Uuid::new_v4(),
    })
}

/// What is asked of an upload.
pub const UPLOAD: &str = "upload { id put { url headers { name value } } }";

/// Uploads an image with these bytes in it; gives its id and content, if it was acknowledged.
pub async fn upload(client: &Client, patient: &Value, bytes: &[u8]) -> Option<(Value, Vec<u8>)> {
    let content = image(bytes);
    let input = json!({ "input": upload_input(patient, &content) });
    let answer = client.try_ask(&mutation("requestImageUpload", UPLOAD), input).await.ok()?;
    let upload = answer.body["data"]["requestImageUpload"]["upload"].clone();
    put(&upload, &content).await.filter(reqwest::StatusCode::is_success)?;
    let complete = json!({ "input": { "uploadId": upload["id"] } });
    let answer = client.try_ask(&mutation("completeImageUpload", "image { id state }"), complete).await.ok()?;
    let image = &answer.body["data"]["completeImageUpload"]["image"];
    (image["state"] == "READY").then(|| (image["id"].clone(), content))
}
