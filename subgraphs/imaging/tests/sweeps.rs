//! What happens to bytes when many settle an upload at once, when they come too late, and when nobody has them.

mod setup;

use chrono::{Duration, Utc};
use futures::{StreamExt, stream};
use serde_json::json;
use setup::{Setup, dicom, request, setup};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const REQUEST: &str = "mutation ($input: RequestImageUploadInput!) { requestImageUpload(input: $input) {
    upload { id } userErrors { code field } } }";
const COMPLETE: &str = "mutation ($id: ID!) { completeImageUpload(input: { uploadId: $id }) {
    image { state } userErrors { code } } }";
const DELETE: &str = "mutation ($input: DeleteImageInput!) { deleteImage(input: $input) {
    deletedImageId purgeAfter userErrors { code } } }";

/// Bytes of an image, and as many others.
fn good_and_bad(content: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let good = dicom(content);
    let bad = good.iter().map(|byte| byte ^ 1).collect();
    (good, bad)
}

impl Setup {
    async fn begin(&self, bytes: &[u8]) -> (Uuid, String) {
        let data = self
            .technologist
            .data(REQUEST, json!({ "input": request(Uuid::now_v7(), bytes, "application/dicom") }))
            .await;
        let id = data["requestImageUpload"]["upload"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        (id, self.row(id).await.1)
    }

    /// The image's state and its object.
    async fn row(&self, id: Uuid) -> (String, String) {
        let row = sqlx::query_as("SELECT state, object_key FROM imaging.medical_image WHERE id = $1").bind(id);
        row.fetch_one(&self.database.pool).await.expect("a row")
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        self.storage.objects.put(key, "application/dicom", bytes.to_vec()).await.expect("stored");
    }

    async fn has(&self, key: &str) -> bool {
        self.storage.objects.stored(key).await.expect("an answer").is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_ready_has_its_bytes_whoever_settled_the_upload_at_once() {
    let setup = setup().await;
    let mut states = Vec::new();
    for round in 0..24 {
        let (good, bad) = good_and_bad(format!("round {round}").as_bytes());
        let (id, key) = setup.begin(&good).await;
        setup.put(&key, &bad).await;
        let clients: Vec<_> = (0..32)
            .map(|_| {
                let technologist = setup.technologist.clone();
                tokio::spawn(async move {
                    technologist.data(COMPLETE, json!({ "id": id })).await["completeImageUpload"].clone()
                })
            })
            .collect();
        // Beside them the right bytes come, the image is deleted, and uploads are given up.
        setup.put(&key, &good).await;
        if round % 3 == 1 {
            setup.admin.data(DELETE, json!({ "input": { "imageId": id, "reason": "a test" } })).await;
        }
        if round % 3 == 2 {
            setup.service.sweep(Utc::now() + Duration::hours(2)).await.expect("swept");
        }
        let mut is_ready = false;
        for client in clients {
            let answer = client.await.expect("answered");
            is_ready |= answer["image"]["state"] == json!("READY");
        }
        let (state, _) = setup.row(id).await;
        assert!(!is_ready || ["READY", "DELETED"].contains(&state.as_str()), "round {round}: said READY, is {state}");
        if state == "READY" {
            let digest = setup.storage.objects.sha256(&key).await.expect("the bytes are there");
            assert_eq!(digest, hex::encode(Sha256::digest(&good)), "round {round}");
        }
        states.push(state);
    }
}

#[tokio::test]
async fn bytes_that_nobody_has_are_removed_in_time_and_no_others() {
    let setup = setup().await;
    let (good, _) = good_and_bad(b"pixels");
    // One is given up and its bytes removed; then they arrive.
    let (late, late_key) = setup.begin(&good).await;
    setup.service.sweep(Utc::now() + Duration::hours(2)).await.expect("swept");
    assert_eq!(setup.row(late).await.0, "FAILED");
    setup.put(&late_key, &good).await;
    // One is ready, one awaits its completion, one is deleted and kept for a while.
    let mut kept = Vec::new();
    for place in 0..3 {
        let (id, key) = setup.begin(&good).await;
        setup.put(&key, &good).await;
        if place > 0 {
            setup.technologist.data(COMPLETE, json!({ "id": id })).await;
        }
        if place == 2 {
            let deleted = setup.admin.data(DELETE, json!({ "input": { "imageId": id, "reason": "a test" } })).await;
            assert!(deleted["deleteImage"]["purgeAfter"].is_string(), "{deleted}");
        }
        kept.push(key);
    }
    // Another subgraph's, and more of nobody's than a page has.
    setup.put("ledger-exports/x.csv", b"x").await;
    let strays: Vec<String> = (0..1030).map(|number| format!("images/stray-{number}")).collect();
    stream::iter(&strays).for_each_concurrent(8, |key| setup.put(key, b"x")).await;
    let now = Utc::now();
    let none = setup.service.sweep_orphans(now + Duration::hours(23)).await.expect("swept");
    assert_eq!((none.removed, none.failed), (0, 0), "somebody may still be about to use them");
    let swept = setup.service.sweep_orphans(now + Duration::hours(25)).await.expect("swept");
    assert_eq!((swept.removed, swept.failed), (1031, 0));
    assert!(!setup.has(&late_key).await);
    for key in kept.iter().map(String::as_str).chain(["ledger-exports/x.csv"]) {
        assert!(setup.has(key).await, "{key}");
    }
    let again = setup.service.sweep_orphans(now + Duration::hours(25)).await.expect("swept");
    assert_eq!((again.removed, again.failed), (0, 0));
}

#[tokio::test]
async fn bytes_that_cannot_be_removed_keep_no_others() {
    let setup = setup().await;
    let mut keys = Vec::new();
    for place in 0..130 {
        let (_, key) = setup.begin(format!("x{place}").as_bytes()).await;
        setup.put(&key, b"x").await;
        keys.push(key);
    }
    // A folder stands where the storage looks for the file of the first one.
    setup.storage.block(&keys[0]);
    let swept = setup.service.sweep(Utc::now() + Duration::hours(2)).await;
    assert!(swept.is_err(), "it is said that one could not be removed");
    for key in &keys[1..] {
        assert!(!setup.has(key).await, "{key}");
    }
    let left = sqlx::query_as("SELECT count(*) FROM imaging.medical_image WHERE purge_after IS NOT NULL");
    let left: (i64,) = left.fetch_one(&setup.database.pool).await.expect("counted");
    assert_eq!(left.0, 1, "it is tried again");
}

#[tokio::test]
async fn a_change_of_images_is_answered_alike_after_its_checks_would_fail() {
    let setup = setup().await;
    let (good, _) = good_and_bad(b"pixels");
    let mut input = request(Uuid::now_v7(), &good, "application/dicom");
    input["takenAt"] = json!(Utc::now());
    let first = setup.technologist.data(REQUEST, json!({ "input": input })).await;
    let id: Uuid = first["requestImageUpload"]["upload"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let delete = |key: Uuid| json!({ "input": { "imageId": id, "reason": "a test", "expectedVersion": 1, "idempotencyKey": key } });
    let key = Uuid::new_v4();
    let deleted = setup.admin.data(DELETE, delete(key)).await;
    assert_eq!(deleted["deleteImage"]["userErrors"], json!([]));
    sqlx::query("UPDATE imaging.medical_image SET legal_hold = true")
        .execute(&setup.database.pool)
        .await
        .expect("held");
    let anew = setup.admin.ask(DELETE, delete(Uuid::new_v4())).await;
    assert_eq!(anew.refusals("deleteImage"), ["NOT_FOUND"], "the world has changed");
    assert_eq!(setup.admin.data(DELETE, delete(key)).await, deleted);
    assert_eq!(setup.technologist.data(REQUEST, json!({ "input": input })).await, first);
}
