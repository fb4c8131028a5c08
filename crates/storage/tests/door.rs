//! What the storage's door lets through, over real HTTP.

use std::time::Duration;

use healthbridge_testkit::TestStorage;
use reqwest::{Method, StatusCode, header::HeaderMap};

const XML: &str =
    "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><Delete><Object><Key>&b;</Key></Object></Delete>";

async fn send(method: Method, url: &str, body: &str) -> (StatusCode, HeaderMap, String) {
    let answer = reqwest::Client::new().request(method, url).body(body.to_owned()).send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.text().await.expect("text"))
}

#[tokio::test]
async fn operations_that_begin_with_xml_a_form_or_a_policy_are_refused_before_anything_is_parsed() {
    let storage = TestStorage::start().await;
    let base = format!("{}/{}", storage.location.internal_endpoint, storage.location.bucket);
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    for (method, path) in [
        (Method::POST, "?delete"),
        (Method::POST, ""),
        (Method::POST, "/key?uploads"),
        (Method::POST, "/key?uploadId=1"),
        (Method::POST, "/key?select&select-type=2"),
        (Method::PUT, "?policy"),
        (Method::PUT, "?cors"),
        (Method::PUT, "/key?tagging"),
        (Method::PUT, "/key?acl"),
        (Method::PUT, "/key?partNumber=1&uploadId=1"),
        (Method::GET, "/key?tagging"),
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::DELETE, "?policy"),
        (Method::PATCH, "/key"),
    ] {
        for body in [XML, deep.as_str()] {
            let (status, _, text) = send(method.clone(), &format!("{base}{path}"), body).await;
            let known = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
            assert!(known.contains(&status), "{method} {path}: {status} {text}");
        }
    }
    let many = (0..40).map(|number| format!("x-amz-a{number}=1")).collect::<Vec<_>>().join("&");
    let (status, ..) = send(Method::GET, &format!("{base}/key?{many}"), "").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(storage.files(), 0, "nothing is stored");
}

#[tokio::test]
async fn what_is_downloaded_is_no_page_and_runs_nothing() {
    let storage = TestStorage::start().await;
    let page = b"<html><script>alert(1)</script></html>";
    let now = chrono::Utc::now();
    storage.objects.put("images/page", "text/html", page.to_vec()).await.expect("stored");
    let lifetime = Duration::from_secs(60);
    let get = storage.objects.presign_get("images/page", "text/html", "inline", lifetime, now).await.expect("a URL");
    let (status, headers, text) = send(Method::GET, &get.url, "").await;
    assert_eq!((status, text.as_bytes()), (StatusCode::OK, page.as_slice()));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
}
