//! What happens to bytes when many settle an upload at once, when they come too late, and when nobody has them.

mod setup;

use chrono::{DateTime, Duration, Utc};
use futures::{StreamExt, stream};
use healthbridge_imaging::sweeps;
use healthbridge_jobs::Ran;
use healthbridge_objectstore::Swept;
use metrics_exporter_prometheus::PrometheusBuilder;
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

    /// The objects of so many uploads that nobody completes.
    async fn stored_uploads(&self, count: usize) -> Vec<String> {
        let mut keys = Vec::new();
        for place in 0..count {
            let (_, key) = self.begin(format!("x{place}").as_bytes()).await;
            self.put(&key, b"x").await;
            keys.push(key);
        }
        keys
    }

    /// How many images' bytes are to be removed at some time.
    async fn to_purge(&self) -> i64 {
        let left = sqlx::query_scalar("SELECT count(*) FROM imaging.medical_image WHERE purge_after IS NOT NULL");
        left.fetch_one(&self.database.pool).await.expect("counted")
    }

    /// Gives uploads up and purges what is due then.
    async fn sweep(&self, now: DateTime<Utc>) -> Ran {
        sweeps::give_up_uploads(self.database.pool.clone(), now).await.expect("given up");
        self.purge(now).await
    }

    /// What one replica purges.
    async fn purge(&self, now: DateTime<Utc>) -> Ran {
        sweeps::purge(self.database.pool.clone(), self.storage.objects.clone()).run(now).await.expect("purged")
    }

    async fn remove_orphans(&self, now: DateTime<Utc>) -> Swept {
        sweeps::remove_orphans(self.database.pool.clone(), self.storage.objects.clone(), now).await.expect("removed")
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
            setup.sweep(Utc::now() + Duration::hours(2)).await;
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
    setup.sweep(Utc::now() + Duration::hours(2)).await;
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
    let none = setup.remove_orphans(now + Duration::hours(23)).await;
    assert_eq!((none.removed, none.failed), (0, 0), "somebody may still be about to use them");
    let swept = setup.remove_orphans(now + Duration::hours(25)).await;
    assert_eq!((swept.removed, swept.failed), (1031, 0));
    assert!(!setup.has(&late_key).await);
    for key in kept.iter().map(String::as_str).chain(["ledger-exports/x.csv"]) {
        assert!(setup.has(key).await, "{key}");
    }
    let again = setup.remove_orphans(now + Duration::hours(25)).await;
    assert_eq!((again.removed, again.failed), (0, 0));
}

#[tokio::test]
async fn bytes_that_cannot_be_removed_keep_no_others() {
    let setup = setup().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let keys = setup.stored_uploads(130).await;
    // A folder stands where the storage looks for the file of each fifth one: more than are taken at once.
    let blocked: Vec<&String> = keys.iter().step_by(5).collect();
    for key in &blocked {
        setup.storage.block(key);
    }
    let later = Utc::now() + Duration::hours(2);
    let swept = setup.sweep(later).await;
    assert_eq!(swept, Ran { done: 104, failed: 26 }, "it is said how many could not be removed");
    for key in keys.iter().filter(|key| !blocked.contains(key)) {
        assert!(!setup.has(key).await, "{key}");
    }
    let failing = "healthbridge_job_items_failing{part=\"imaging\",job=\"remove bytes whose time has come\"} ";
    assert!(recorder.handle().render().contains(&format!("{failing}26\n")), "{}", recorder.handle().render());
    assert_eq!(setup.to_purge().await, 26, "they are tried again");
    assert_eq!(setup.purge(later).await, Ran::default(), "but not at once");
    for key in &blocked {
        setup.storage.unblock(key);
    }
    assert_eq!(setup.purge(later + Duration::hours(1)).await, Ran { done: 26, failed: 0 });
    assert_eq!(setup.to_purge().await, 0);
    assert!(recorder.handle().render().contains(&format!("{failing}0\n")), "{}", recorder.handle().render());
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_at_once_purge_each_image_once() {
    let setup = setup().await;
    let keys = setup.stored_uploads(70).await;
    setup.storage.block(&keys[0]);
    let later = Utc::now() + Duration::hours(2);
    sweeps::give_up_uploads(setup.database.pool.clone(), later).await.expect("given up");
    let (one, two, three) = tokio::join!(setup.purge(later), setup.purge(later), setup.purge(later));
    let (done, failed) = (one.done + two.done + three.done, one.failed + two.failed + three.failed);
    assert_eq!((done, failed, setup.to_purge().await), (69, 1, 1));
    for key in &keys[1..] {
        assert!(!setup.has(key).await, "{key}");
    }
}

#[tokio::test]
async fn bytes_that_went_before_their_row_could_say_so_are_purged_again() {
    let setup = setup().await;
    let keys = setup.stored_uploads(1).await;
    let later = Utc::now() + Duration::hours(2);
    sweeps::give_up_uploads(setup.database.pool.clone(), later).await.expect("given up");
    // What a replica leaves that dies between the two.
    setup.storage.objects.delete(&keys[0]).await.expect("deleted");
    let claimed = sqlx::query(
        "INSERT INTO imaging.job_item (job, item_id, attempts, not_before)
         SELECT 'remove bytes whose time has come', id, 1, $1 FROM imaging.medical_image",
    );
    let claimed = claimed.bind(later + Duration::minutes(1));
    claimed.execute(&setup.database.pool).await.expect("claimed");
    assert_eq!(setup.purge(later).await, Ran::default());
    assert_eq!(setup.purge(later + Duration::minutes(2)).await, Ran { done: 1, failed: 0 });
    assert_eq!(setup.to_purge().await, 0);
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
