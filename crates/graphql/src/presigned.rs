use async_graphql::SimpleObject;
use healthbridge_outcome as outcome;

use crate::Time;

/// A request that may be sent to the object storage until it expires (AWS Signature Version 4). It is a right in itself:
/// do not store or log it.
#[derive(Clone, SimpleObject)]
#[graphql(name = "PresignedUrl", shareable)]
pub struct Presigned {
    /// The URL.
    url: String,
    /// The HTTP method.
    method: String,
    /// Headers that must be sent exactly so.
    headers: Vec<HttpHeader>,
    /// When it stops working.
    expires_at: Time,
}

/// A header that must be sent.
#[derive(Clone, SimpleObject)]
#[graphql(shareable)]
pub struct HttpHeader {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

impl From<outcome::Presigned> for Presigned {
    fn from(presigned: outcome::Presigned) -> Self {
        let header = |header: outcome::HttpHeader| HttpHeader { name: header.name, value: header.value };
        Self {
            url: presigned.url,
            method: presigned.method,
            headers: presigned.headers.into_iter().map(header).collect(),
            expires_at: presigned.expires_at.into(),
        }
    }
}
