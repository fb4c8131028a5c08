//! The client's side of any S3: presigned URLs, verification and deletion. No image byte passes through here.
//!
//! Belongs here: what a subgraph does with objects. Does not belong here: a server (that is `storage`).

mod browsers;
mod orphans;
mod stream;

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, SdkError},
    operation::head_object::HeadObjectError,
    presigning::{PresignedRequest, PresigningConfig},
    types::ChecksumMode,
};
use aws_smithy_http_client::tls;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use healthbridge_outcome::{Fault, HttpHeader, Presigned};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub use browsers::Browsers;
pub use orphans::Swept;
pub use stream::Announced;

/// Where the objects are.
#[derive(Clone, Debug)]
pub struct Location {
    /// The endpoint that the services use.
    pub internal_endpoint: String,
    /// The endpoint that clients reach: it is part of what a presigned URL signs.
    pub public_endpoint: String,
    /// The region's name; any for most servers that are not Amazon's.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
}

/// What the storage says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The length in bytes.
    pub size: i64,
    /// The media type.
    pub content_type: Option<String>,
    /// SHA-256 as lower-case hex, where the server keeps it.
    pub sha256: Option<String>,
}

/// The storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the object storage failed: {0}")]
pub struct ObjectStoreError(String);

impl From<ObjectStoreError> for Fault {
    fn from(error: ObjectStoreError) -> Self {
        Self::internal(error)
    }
}

/// A client of one bucket.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    internal: Client,
    public: Client,
    bucket: String,
}

impl ObjectStore {
    /// A client of this bucket. Nothing is sent yet.
    pub fn new(location: &Location) -> Self {
        Self {
            internal: client(location, &location.internal_endpoint),
            public: client(location, &location.public_endpoint),
            bucket: location.bucket.clone(),
        }
    }

    /// Allows one PUT of exactly these bytes: length, type and SHA-256 (lower-case hex) are signed.
    pub async fn presign_put(
        &self,
        key: &str,
        size: i64,
        content_type: &str,
        sha256: &str,
        lifetime: Duration,
        now: DateTime<Utc>,
    ) -> Result<Presigned, ObjectStoreError> {
        let digest = hex::decode(sha256).map_err(|error| ObjectStoreError(error.to_string()))?;
        let put =
            self.public.put_object().bucket(&self.bucket).key(key).content_length(size).content_type(content_type);
        let request = put.checksum_sha256(STANDARD.encode(digest)).presigned(presigning(lifetime, now)?).await;
        Ok(presigned("PUT", &request.map_err(failed)?, lifetime, now))
    }

    /// Allows one object to be read, under this `Content-Disposition`.
    pub async fn presign_get(
        &self,
        key: &str,
        content_type: &str,
        disposition: &str,
        lifetime: Duration,
        now: DateTime<Utc>,
    ) -> Result<Presigned, ObjectStoreError> {
        let get = self.public.get_object().bucket(&self.bucket).key(key);
        let get = get.response_content_type(content_type).response_content_disposition(disposition);
        let request = get.presigned(presigning(lifetime, now)?).await.map_err(failed)?;
        Ok(presigned("GET", &request, lifetime, now))
    }

    /// What the storage has under this key; `None` where there is nothing.
    pub async fn stored(&self, key: &str) -> Result<Option<Stored>, ObjectStoreError> {
        let head = self.internal.head_object().bucket(&self.bucket).key(key).checksum_mode(ChecksumMode::Enabled);
        match head.send().await {
            Ok(found) => Ok(Some(Stored {
                size: found.content_length().unwrap_or_default(),
                content_type: found.content_type().map(str::to_owned),
                sha256: found.checksum_sha256().and_then(|text| STANDARD.decode(text).ok()).map(hex::encode),
            })),
            Err(SdkError::ServiceError(error)) if is_absent(error.err(), error.raw().status().as_u16()) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The first bytes of an object, `length` at the most.
    pub async fn first_bytes(&self, key: &str, length: u32) -> Result<Vec<u8>, ObjectStoreError> {
        let range = format!("bytes=0-{}", length.saturating_sub(1));
        let get = self.internal.get_object().bucket(&self.bucket).key(key).range(range);
        let body = get.send().await.map_err(failed)?.body;
        Ok(body.collect().await.map_err(failed)?.to_vec())
    }

    /// The SHA-256 of an object, lower-case hex, read as a stream: for servers that keep none.
    pub async fn sha256(&self, key: &str) -> Result<String, ObjectStoreError> {
        let get = self.internal.get_object().bucket(&self.bucket).key(key);
        let mut body = get.send().await.map_err(failed)?.body;
        let mut digest = Sha256::new();
        while let Some(chunk) = body.try_next().await.map_err(failed)? {
            digest.update(&chunk);
        }
        Ok(hex::encode(digest.finalize()))
    }

    /// Stores bytes of our own making.
    pub async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), ObjectStoreError> {
        let put = self.internal.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        put.body(bytes.into()).send().await.map(drop).map_err(failed)
    }

    /// Deletes an object; one that is not there is no fault.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectStoreError> {
        self.internal.delete_object().bucket(&self.bucket).key(key).send().await.map(drop).map_err(failed)
    }

    /// Whether the bucket answers.
    pub async fn ping(&self) -> Result<(), ObjectStoreError> {
        self.internal.head_bucket().bucket(&self.bucket).send().await.map(drop).map_err(failed)
    }
}

fn is_absent(error: &HeadObjectError, status: u16) -> bool {
    error.is_not_found() || status == 404
}

fn failed(error: impl std::error::Error) -> ObjectStoreError {
    ObjectStoreError(DisplayErrorContext(error).to_string())
}

fn client(location: &Location, endpoint: &str) -> Client {
    let secret = location.secret_access_key.expose_secret();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_timeout(Duration::from_secs(10));
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(location.region.clone()))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Credentials::new(&location.access_key_id, secret, None, None, "healthbridge"))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts.build())
        // Several servers refuse the trailing checksums that the SDK would add by itself.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(config.build())
}

fn presigning(lifetime: Duration, now: DateTime<Utc>) -> Result<PresigningConfig, ObjectStoreError> {
    PresigningConfig::builder().start_time(now.into()).expires_in(lifetime).build().map_err(failed)
}

fn presigned(method: &'static str, request: &PresignedRequest, lifetime: Duration, now: DateTime<Utc>) -> Presigned {
    let headers = request.headers().map(|(name, value)| HttpHeader { name: name.to_owned(), value: value.to_owned() });
    Presigned {
        url: request.uri().to_owned(),
        method: method.to_owned(),
        headers: headers.collect(),
        expires_at: now + lifetime,
    }
}
