//! The embedded object storage: the S3 protocol by `s3s`, over a small durable store of one machine.
//!
//! Belongs here: one bucket with whole objects, for a laptop or a small clinic. Does not belong here: anything that a
//! large installation would take a real S3 cluster for (replication, versions, many buckets).

mod access;
mod door;
mod s3;
mod store;

pub use store::{Store, StoreError};

use access::SignedOnly;
use axum::{Router, routing::get};
use door::door;
use http::{HeaderName, Method, header};
use s3::Bucket;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use secrecy::{ExposeSecret, SecretString};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// The one pair of keys that may use the storage.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
}

/// The routes of the storage: the S3 protocol at `/`, and `/healthz`.
pub fn routes(store: Store, credentials: &Credentials) -> Router {
    let mut builder = S3ServiceBuilder::new(Bucket::new(store));
    let secret = credentials.secret_access_key.expose_secret().to_owned();
    builder.set_auth(SimpleAuth::from_single(credentials.access_key_id.clone(), secret));
    builder.set_access(SignedOnly);
    let s3 = builder.build();
    Router::new()
        .route("/healthz", get(async || r#"{"status":"ok"}"#))
        .fallback_service(tower::service_fn(move |request: http::Request<axum::body::Body>| {
            let mut s3 = s3.clone();
            async move {
                let answer = tower::Service::call(&mut s3, request).await;
                // What `s3s` cannot even answer is the request's fault or a broken connection.
                let answer = answer.map(|answer| answer.map(axum::body::Body::new));
                Ok::<_, std::convert::Infallible>(answer.unwrap_or_else(|_| {
                    let mut refusal = http::Response::new(axum::body::Body::empty());
                    *refusal.status_mut() = http::StatusCode::BAD_REQUEST;
                    refusal
                }))
            }
        }))
        .layer(axum::middleware::from_fn(door))
        .layer(cors())
}

/// Browsers use the storage by presigned URLs, which are rights in themselves: any page that has one may use it.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::ETAG, HeaderName::from_static("x-amz-checksum-sha256")])
}
