use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    types::{CorsConfiguration, CorsRule},
};

use super::{ObjectStore, ObjectStoreError, failed};

/// The name of our rule among those of a bucket.
const RULE: &str = "healthbridge";

/// How long a browser may remember what it was allowed, in seconds.
const REMEMBERED: i32 = 3600;

/// What lets pages of browsers use a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browsers {
    /// The rule of the bucket, which is set now.
    ByRule,
    /// The storage's own settings: it takes no rules.
    ByItself,
}

impl ObjectStore {
    /// Lets pages of these origins use presigned URLs of the bucket, and those alone. Rules that somebody else has made stay.
    ///
    /// # Errors
    /// When the bucket cannot be reached, or the keys may not set its rules.
    pub async fn allow_origins(&self, origins: &[String]) -> Result<Browsers, ObjectStoreError> {
        let mut rules = match self.internal.get_bucket_cors().bucket(&self.bucket).send().await {
            Ok(found) => found.cors_rules.unwrap_or_default(),
            Err(error) if error.code() == Some("NoSuchCORSConfiguration") => Vec::new(),
            Err(error) if is_not_offered(&error) => return Ok(Browsers::ByItself),
            Err(error) => return Err(failed(error)),
        };
        rules.retain(|rule| rule.id() != Some(RULE));
        rules.push(rule(origins)?);
        let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build().map_err(failed)?;
        match self.internal.put_bucket_cors().bucket(&self.bucket).cors_configuration(rules).send().await {
            Ok(_) => Ok(Browsers::ByRule),
            Err(error) if is_not_offered(&error) => Ok(Browsers::ByItself),
            Err(error) => Err(failed(error)),
        }
    }
}

/// What an upload and a download by a presigned URL send, and what their pages may read of the answer.
fn rule(origins: &[String]) -> Result<CorsRule, ObjectStoreError> {
    let rule = CorsRule::builder().id(RULE).set_allowed_origins(Some(origins.to_vec()));
    let rule = rule.allowed_methods("GET").allowed_methods("HEAD").allowed_methods("PUT").allowed_headers("*");
    let rule = rule.expose_headers("ETag").expose_headers("x-amz-checksum-sha256");
    rule.max_age_seconds(REMEMBERED).build().map_err(failed)
}

/// Whether the storage has no such operation at all.
fn is_not_offered<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 405 | 501))
}
