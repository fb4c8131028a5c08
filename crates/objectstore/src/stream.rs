use std::time::Duration;

use aws_sdk_s3::{config::timeout::TimeoutConfig, primitives::ByteStream};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{ObjectStore, ObjectStoreError, failed};

/// What bytes that are sent as a stream come to: the storage refuses all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The length in bytes.
    pub size: i64,
    /// The SHA-256.
    pub sha256: [u8; 32],
}

impl ObjectStore {
    /// Stores a stream of our own making in one request, within this time. No more than a few pieces of it are held at
    /// once; where the stream fails, or is not what was announced, nothing is stored. It is not tried again: a stream
    /// passes once.
    pub async fn put_stream<E>(
        &self,
        key: &str,
        content_type: &str,
        announced: &Announced,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Sync + 'static,
        timeout: Duration,
    ) -> Result<(), ObjectStoreError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let body = ByteStream::from_body_1_x(StreamBody::new(bytes.map(|chunk| chunk.map(Frame::data))));
        let put = self.internal.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let put = put.content_length(announced.size).checksum_sha256(STANDARD.encode(announced.sha256)).body(body);
        let timeouts = TimeoutConfig::builder().operation_timeout(timeout).build();
        let config = aws_sdk_s3::Config::builder().timeout_config(timeouts);
        put.customize().config_override(config).send().await.map(drop).map_err(failed)
    }
}
