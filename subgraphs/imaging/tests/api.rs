//! The imaging subgraph over HTTP on a real database and a real S3 endpoint.

mod setup;

use healthbridge_imaging::sweeps;
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, StatementCount, TestStorage, assert_alike, forged, put};
use reqwest::StatusCode;
use serde_json::{Value, json};
use setup::{dicom, request, setup};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const REQUEST: &str = "mutation ($input: RequestImageUploadInput!) { requestImageUpload(input: $input) {
    upload { id state put { url method headers { name value } } } userErrors { code field } } }";
const COMPLETE: &str = "mutation ($id: ID!) { completeImageUpload(input: { uploadId: $id }) {
    image { id state sha256 byteSize downloadUrl { url } } userErrors { code } } }";

async fn begin(client: &Client, patient: Uuid, bytes: &[u8]) -> Value {
    let data = client.data(REQUEST, json!({ "input": request(patient, bytes, "application/dicom") })).await;
    data["requestImageUpload"]["upload"].clone()
}

async fn put_as_told(upload: &Value, bytes: &[u8]) -> StatusCode {
    put(upload, bytes).await.expect("an answer")
}

async fn upload(client: &Client, patient: Uuid, bytes: &[u8]) -> Uuid {
    let upload = begin(client, patient, bytes).await;
    assert_eq!(put_as_told(&upload, bytes).await, StatusCode::OK);
    let data = client.data(COMPLETE, json!({ "id": upload["id"] })).await;
    assert_eq!(data["completeImageUpload"]["image"]["state"], json!("READY"), "{data}");
    upload["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

#[tokio::test]
async fn an_upload_comes_back_byte_for_byte_and_completing_twice_is_the_same() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let bytes = dicom(b"pixels");
    let upload = begin(&technologist, Uuid::now_v7(), &bytes).await;
    let early = technologist.ask(COMPLETE, json!({ "id": upload["id"] })).await;
    assert_eq!(early.refusals("completeImageUpload"), ["NOT_FOUND"]);
    assert_eq!(put_as_told(&upload, &bytes).await, StatusCode::OK);
    let first = technologist.data(COMPLETE, json!({ "id": upload["id"] })).await;
    let again = technologist.data(COMPLETE, json!({ "id": upload["id"] })).await;
    let image = &first["completeImageUpload"]["image"];
    assert_eq!((&image["state"], &image["byteSize"]), (&json!("READY"), &json!(bytes.len().to_string())));
    assert_eq!(again["completeImageUpload"]["image"]["id"], image["id"]);
    let url = image["downloadUrl"]["url"].as_str().expect("a URL");
    let answer = reqwest::get(url).await.expect("an answer");
    assert_eq!(answer.headers()["content-disposition"], "inline; filename=\"a_b.dcm\"; filename*=UTF-8''a%20b.dcm");
    assert_eq!(answer.bytes().await.expect("bytes"), bytes);
}

#[tokio::test]
async fn the_storage_refuses_other_bytes_types_sizes_keys_and_stores_nothing() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let bytes = dicom(b"pixels");
    let upload = begin(&technologist, Uuid::now_v7(), &bytes).await;
    let before = setup.storage.files();
    let same_length = dicom(b"PIXELS");
    assert_eq!(put_as_told(&upload, &same_length).await, StatusCode::BAD_REQUEST, "another checksum");
    assert!(put_as_told(&upload, &dicom(b"more pixels")).await.is_client_error(), "another size");
    let with = |name: &str, value: &str| {
        let mut changed = upload.clone();
        let headers = changed["put"]["headers"].as_array_mut().expect("headers");
        let header = headers.iter_mut().find(|header| header["name"] == name).expect("the header");
        header["value"] = json!(value);
        changed
    };
    let other_digest = with("x-amz-checksum-sha256", &("A".repeat(43) + "="));
    assert!(put_as_told(&other_digest, &same_length).await.is_client_error(), "another announced checksum");
    assert!(put_as_told(&with("content-type", "text/html"), &bytes).await.is_client_error(), "another type");
    for (from, to) in [("/images/", "/images/x"), ("/imaging/", "/other/"), ("X-Amz-Expires=", "X-Amz-Expires=9")] {
        let mut changed = upload.clone();
        let url = upload["put"]["url"].as_str().expect("a URL");
        assert!(url.contains(from), "{from}");
        changed["put"]["url"] = json!(url.replacen(from, to, 1));
        assert!(put_as_told(&changed, &bytes).await.is_client_error(), "{to}");
    }
    let stray = reqwest::Client::new().put(upload["put"]["url"].as_str().expect("a URL")).body(bytes.clone());
    assert!(stray.send().await.expect("an answer").status().is_client_error(), "no headers");
    assert_eq!(setup.storage.files(), before, "nothing is stored");
}

#[tokio::test]
async fn an_expired_url_is_refused() {
    let storage = TestStorage::start().await;
    let past = chrono::Utc::now() - chrono::Duration::hours(1);
    let (key, lifetime) = ("images/late", std::time::Duration::from_secs(60));
    let digest = hex::encode(Sha256::digest(b"late"));
    let url = storage.objects.presign_put(key, 4, "image/png", &digest, lifetime, past).await.expect("a URL");
    let mut request = reqwest::Client::new().put(&url.url).body("late");
    for header in url.headers.iter().filter(|header| header.name != "content-length") {
        request = request.header(&header.name, &header.value);
    }
    assert!(request.send().await.expect("an answer").status().is_client_error());
    assert_eq!(storage.files(), 0);
}

#[tokio::test]
async fn a_file_that_is_not_what_was_announced_fails_and_is_removed() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    for (bytes, code) in
        [(b"not a DICOM file".to_vec(), "CONTENT_TYPE_MISMATCH"), (b"MZ a program".to_vec(), "MALWARE_SUSPECTED")]
    {
        let upload = begin(&technologist, Uuid::now_v7(), &bytes).await;
        assert_eq!(put_as_told(&upload, &bytes).await, StatusCode::OK);
        let answer = technologist.ask(COMPLETE, json!({ "id": upload["id"] })).await;
        assert_eq!(answer.refusals("completeImageUpload"), [code]);
    }
    assert_eq!(setup.storage.files(), 0);
}

#[tokio::test]
async fn wrong_requests_are_refused_with_a_code_and_the_field() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let cases = [
        ("contentType", json!("text/html"), "INVALID_FORMAT"),
        ("byteSize", json!("0"), "OUT_OF_RANGE"),
        ("byteSize", json!("9999999999999"), "FILE_TOO_LARGE"),
        ("sha256", json!("A".repeat(64)), "INVALID_FORMAT"),
        ("fileName", json!("a\nb"), "INVALID_FORMAT"),
        ("patientId", json!("nobody"), "NOT_FOUND"),
        ("takenAt", json!("2999-01-01T00:00:00Z"), "OUT_OF_RANGE"),
    ];
    for (field, value, code) in cases {
        let mut input = request(Uuid::now_v7(), b"x", "application/dicom");
        input[field] = value;
        let answer = technologist.ask(REQUEST, json!({ "input": input })).await;
        assert_eq!(answer.refusals("requestImageUpload"), [code], "{field}");
        assert_eq!(answer.body["data"]["requestImageUpload"]["userErrors"][0]["field"][1], json!(field));
    }
}

#[tokio::test]
async fn a_request_sent_again_with_its_key_gives_the_same_upload() {
    let setup = setup().await;
    let token = setup.tokens.of(Role::Technologist);
    let technologist = setup.anonymous.with_token(token);
    let mut input = request(Uuid::now_v7(), b"x", "image/png");
    let first = technologist.data(REQUEST, json!({ "input": input })).await;
    let again = technologist.data(REQUEST, json!({ "input": input })).await;
    assert_eq!(first["requestImageUpload"]["upload"]["id"], again["requestImageUpload"]["upload"]["id"]);
    input["fileName"] = json!("other.png");
    let other = technologist.ask(REQUEST, json!({ "input": input })).await;
    assert_eq!(other.refusals("requestImageUpload"), ["IDEMPOTENCY_KEY_REUSED"]);
}

#[tokio::test]
async fn a_deleted_image_is_gone_and_its_bytes_go_after_the_retention() {
    let setup = setup().await;
    let patient = Uuid::now_v7();
    let bytes = dicom(b"pixels");
    let id = upload(&setup.as_role(Role::Technologist), patient, &bytes).await;
    let admin = setup.as_role(Role::Admin);
    let delete =
        "mutation ($input: DeleteImageInput!) { deleteImage(input: $input) { deletedImageId userErrors { code } } }";
    let stale =
        admin.ask(delete, json!({ "input": { "imageId": id, "reason": "a test", "expectedVersion": 1 } })).await;
    assert_eq!(stale.refusals("deleteImage"), ["VERSION_CONFLICT"]);
    let input = json!({ "input": { "imageId": id, "reason": "a test", "expectedVersion": 2 } });
    assert_eq!(admin.data(delete, input.clone()).await["deleteImage"]["deletedImageId"], json!(id));
    assert_eq!(admin.ask(delete, input).await.refusals("deleteImage"), ["NOT_FOUND"]);
    let query = "query ($id: ID!) { image(id: $id) { id } images { totalCount } }";
    assert_eq!(admin.data(query, json!({ "id": id })).await, json!({ "image": null, "images": { "totalCount": 0 } }));
    let doctor =
        setup.as_role(Role::Doctor).ask(delete, json!({ "input": { "imageId": id, "reason": "no right" } })).await;
    assert_eq!(doctor.codes(), ["FORBIDDEN"]);
    let purge = sweeps::purge(setup.database.pool.clone(), setup.storage.objects.clone());
    purge.run(chrono::Utc::now()).await.expect("swept");
    assert_eq!(setup.storage.files(), 1);
    purge.run(chrono::Utc::now() + chrono::Duration::days(31)).await.expect("swept");
    assert_eq!(setup.storage.files(), 0);
}

#[tokio::test]
async fn a_patient_sees_the_own_images_that_are_ready_and_others_look_absent() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let (own, foreign) = (Uuid::now_v7(), Uuid::now_v7());
    let mine = upload(&technologist, own, &dicom(b"mine")).await;
    let theirs = upload(&technologist, foreign, &dicom(b"theirs")).await;
    begin(&technologist, own, &dicom(b"not sent")).await;
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let images = "images(filter: { state: [READY, AWAITING_UPLOAD] }) { nodes { id } totalCount }";
    let seen = patient.entities("Patient", &[own, foreign, Uuid::now_v7()], images).await;
    let nothing = json!({ "images": { "nodes": [], "totalCount": 0 } });
    let expected = json!([{ "images": { "nodes": [{ "id": mine }], "totalCount": 1 } }, nothing, nothing]);
    assert_eq!(seen.body["data"]["_entities"], expected, "{}", seen.body);
    let query = "query ($id: ID!) { image(id: $id) { id downloadUrl { url } } }";
    let hidden = patient.ask(query, json!({ "id": theirs })).await;
    let absent = patient.ask(query, json!({ "id": Uuid::now_v7() })).await;
    assert_eq!((&hidden.body["data"], &hidden.body), (&json!({ "image": null }), &absent.body));
    let clerk = setup.as_role(Role::Clerk).ask(query, json!({ "id": mine })).await;
    assert_eq!((&clerk.body["data"]["image"], clerk.codes()), (&Value::Null, vec!["FORBIDDEN".to_owned()]));
}

#[tokio::test]
async fn a_hundred_patients_images_cost_as_many_statements_as_ones() {
    let count = StatementCount::start();
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let patients: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    for patient in &patients[..3] {
        upload(&technologist, *patient, &dicom(patient.as_bytes())).await;
    }
    let selection = "images(first: 20) { nodes { id downloadUrl { url } } pageInfo { hasNextPage } totalCount }";
    let (one, for_one) = count.during(technologist.entities("Patient", &patients[..1], selection)).await;
    let (all, for_all) = count.during(technologist.entities("Patient", &patients, selection)).await;
    assert_eq!(one.body["data"]["_entities"][0]["images"]["totalCount"], json!(1));
    assert_eq!(all.body["data"]["_entities"].as_array().map(Vec::len), Some(100));
    assert_eq!((for_one, for_all), (2, 2), "a page and a count");
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_by_401_through_every_door() {
    let setup = setup().await;
    for (kind, token) in forged(&setup.tokens) {
        let caller = setup.anonymous.with_token(token);
        let root = caller.ask("{ images { nodes { id } } }", Value::Null).await;
        let entities = caller.entities("Patient", &[Uuid::now_v7()], "images { nodes { id } }").await;
        assert_eq!((root.status.as_u16(), entities.status.as_u16()), (401, 401), "{kind}");
    }
    let answer = setup.anonymous.entities("Patient", &[Uuid::now_v7()], "id images { nodes { id } }").await;
    assert_eq!(answer.codes(), ["UNAUTHENTICATED"]);
    let too_many = vec![Uuid::nil(); 1001];
    assert_eq!(setup.anonymous.entities("Patient", &too_many, "id").await.codes(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn a_foreign_image_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let doctor = setup.as_role(Role::Doctor);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    upload(&doctor, own, &dicom(b"mine")).await;
    let foreign = upload(&doctor, other, &dicom(b"theirs")).await;
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let id = |id: Uuid| json!({ "id": id });
    let query = "query ($id: ID!) { image(id: $id) { id downloadUrl { url } } }";
    assert_alike(&count, &patient, query, id(foreign), id(Uuid::now_v7())).await;
    let of = |type_name: &str, id: Uuid| json!({ "r": [{ "__typename": type_name, "id": id }] });
    let image = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on MedicalImage { fileName } } }";
    assert_alike(&count, &patient, image, of("MedicalImage", foreign), of("MedicalImage", Uuid::now_v7())).await;
    let images = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { images { totalCount nodes { id } } } } }";
    assert_alike(&count, &patient, images, of("Patient", other), of("Patient", Uuid::now_v7())).await;
}

#[tokio::test]
async fn an_image_that_is_uploaded_for_an_order_is_found_by_it_until_the_order_is_told() {
    let setup = setup().await;
    let technologist = setup.as_role(Role::Technologist);
    let (patient, order) = (Uuid::now_v7(), Uuid::now_v7());
    let bytes = dicom(b"pixels");
    let mut input = request(patient, &bytes, "application/dicom");
    input["orderId"] = json!(order);
    let asked = json!({ "input": input });
    let upload = technologist.data(REQUEST, asked.clone()).await["requestImageUpload"]["upload"].clone();
    let again = technologist.data(REQUEST, asked).await["requestImageUpload"]["upload"].clone();
    assert_eq!(again["id"], upload["id"]);
    begin(&technologist, patient, &bytes).await;
    let images = "images(filter: { state: [AWAITING_UPLOAD], orderId: ORDER }) { totalCount nodes { id } }";
    for (of, found) in [(json!(order), vec![&upload["id"]]), (json!(Uuid::now_v7()), vec![]), (json!("none"), vec![])] {
        let images = images.replace("ORDER", &of.to_string());
        let expected: Vec<Value> = found.iter().map(|id| json!({ "id": id })).collect();
        let expected = json!({ "totalCount": expected.len(), "nodes": expected });
        let all = technologist.data(&format!("{{ {images} }}"), Value::Null).await;
        assert_eq!(all["images"], expected, "{of}");
        let below = technologist.entities("Patient", &[patient], &images).await;
        assert_eq!(below.body["data"]["_entities"][0]["images"], expected, "{of}");
    }
    let mut wrong = request(patient, &bytes, "application/dicom");
    wrong["orderId"] = json!("none");
    let refused = technologist.data(REQUEST, json!({ "input": wrong })).await;
    assert_eq!(
        refused["requestImageUpload"]["userErrors"],
        json!([{ "code": "NOT_FOUND", "field": ["input", "orderId"] }])
    );
}
