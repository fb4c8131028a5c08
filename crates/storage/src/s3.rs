use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use s3s::{
    S3, S3Error, S3Request, S3Response, S3Result,
    dto::{
        DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput, GetObjectOutput, HeadBucketInput,
        HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
        PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
    },
    s3_error,
};

use crate::store::{Expected, MOST_LISTED, Properties, Store, StoreError};

/// The S3 operations over the store.
pub(crate) struct Bucket {
    store: Store,
}

impl Bucket {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    fn check(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.store.bucket() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => s3_error!(NoSuchKey),
            StoreError::Mismatch(what) => s3_error!(BadDigest, "The bytes do not match the {what} that was announced"),
            StoreError::Incomplete => s3_error!(IncompleteBody),
            StoreError::KeyTooLong => s3_error!(KeyTooLongError),
            StoreError::Io(source) => {
                tracing::error!(error = %source, "the storage failed");
                s3_error!(InternalError)
            }
        }
    }
}

/// S3 writes digests in base64, we keep them in hex.
fn to_hex(base64: Option<&String>) -> S3Result<Option<String>> {
    let decode = |text: &String| STANDARD.decode(text).map(hex::encode).map_err(|_| s3_error!(InvalidDigest));
    base64.map(decode).transpose()
}

fn to_base64(digest: &str) -> Option<String> {
    hex::decode(digest).ok().map(|bytes| STANDARD.encode(bytes))
}

fn stored_at(properties: &Properties) -> Timestamp {
    Timestamp::from(SystemTime::from(properties.stored_at))
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.check(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.check(&input.bucket)?;
        let size = input.content_length.ok_or_else(|| s3_error!(MissingContentLength))?;
        let expected = Expected {
            size: Some(u64::try_from(size).map_err(|_| s3_error!(InvalidArgument))?),
            sha256: to_hex(input.checksum_sha256.as_ref())?,
            md5: to_hex(input.content_md5.as_ref())?,
        };
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        #[expect(clippy::disallowed_methods, reason = "a request begins now")]
        let now = Utc::now();
        let stored = self.store.put(&input.key, input.content_type, expected, body, now).await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(stored.md5)),
            checksum_sha256: to_base64(&stored.sha256),
            ..PutObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.check(&request.input.bucket)?;
        let found = self.store.head(&request.input.key).await?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            last_modified: Some(stored_at(&found)),
            content_length: i64::try_from(found.size).ok(),
            checksum_sha256: to_base64(&found.sha256),
            e_tag: Some(ETag::Strong(found.md5)),
            content_type: found.content_type,
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.check(&input.bucket)?;
        let object = self.store.get(&input.key).await?;
        let found = object.properties.clone();
        let part = input.range.map(|range| range.check(found.size)).transpose().map_err(|_| s3_error!(InvalidRange))?;
        let range = part.clone().unwrap_or(0..found.size);
        let length = range.end - range.start;
        let content_range =
            part.map(|part| format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), found.size));
        let is_whole = content_range.is_none();
        Ok(S3Response::new(GetObjectOutput {
            body: Some(StreamingBlob::wrap(object.read(range).await?)),
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(length).ok(),
            content_range,
            last_modified: Some(stored_at(&found)),
            // A checksum of the whole would be wrong for a part.
            checksum_sha256: if is_whole { to_base64(&found.sha256) } else { None },
            e_tag: Some(ETag::Strong(found.md5)),
            content_type: input.response_content_type.or(found.content_type),
            content_disposition: input.response_content_disposition,
            cache_control: input.response_cache_control,
            ..GetObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.check(&request.input.bucket)?;
        self.store.delete(&request.input.key).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    /// In parts, in no order of the keys, as Amazon's directory buckets do it.
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.check(&input.bucket)?;
        if input.delimiter.is_some() || input.start_after.is_some() || input.encoding_type.is_some() {
            return Err(s3_error!(NotImplemented, "Only a prefix and a continuation token are taken"));
        }
        let is_token = |token: &String| token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        if input.continuation_token.as_ref().is_some_and(|token| !is_token(token)) {
            return Err(s3_error!(InvalidArgument, "The continuation token is none of this storage's"));
        }
        let most = usize::try_from(input.max_keys.unwrap_or(i32::MAX)).map_err(|_| s3_error!(InvalidArgument))?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let page = self.store.list(&prefix, input.continuation_token.as_deref(), most.clamp(1, MOST_LISTED)).await?;
        let contents: Vec<Object> = page.objects.into_iter().map(listed).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            max_keys: input.max_keys,
            key_count: i32::try_from(contents.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(contents),
            ..ListObjectsV2Output::default()
        }))
    }
}

fn listed(found: Properties) -> Object {
    Object {
        last_modified: Some(stored_at(&found)),
        size: i64::try_from(found.size).ok(),
        e_tag: Some(ETag::Strong(found.md5)),
        key: Some(found.key),
        ..Object::default()
    }
}
