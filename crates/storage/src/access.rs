use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};

/// Takes requests signed by Signature Version 4 only, and on a presigned URL no `x-amz-` header beside the signed ones:
/// whoever holds a URL could otherwise change what it was made for.
pub(crate) struct SignedOnly;

#[async_trait::async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Requests must be signed"));
        }
        let query = cx.uri().query().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let is_version_2_header =
            cx.headers().get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS "));
        if is_version_2_header || parameters.iter().any(|(name, _)| *name == "AWSAccessKeyId") {
            return Err(s3_error!(AccessDenied, "Signature Version 2 is not accepted"));
        }
        if let Some((_, signed)) = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("X-Amz-SignedHeaders"))
        {
            let signed = signed.to_ascii_lowercase().replace("%3b", ";");
            let is_signed = |name: &str| signed.split(';').any(|candidate| candidate == name);
            let stray =
                cx.headers().keys().find(|name| name.as_str().starts_with("x-amz-") && !is_signed(name.as_str()));
            if let Some(stray) = stray {
                return Err(s3_error!(AccessDenied, "The header {stray} is not signed"));
            }
        }
        Ok(())
    }
}
