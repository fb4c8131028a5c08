use std::fmt;

use chrono::{DateTime, Utc};

/// A request that may be sent to the object storage until it expires (AWS Signature Version 4). It is a right in itself:
/// do not store or log it.
#[derive(Clone)]
pub struct Presigned {
    /// The URL.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Headers that must be sent exactly so.
    pub headers: Vec<HttpHeader>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("method", &self.method)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A header that must be sent.
#[derive(Clone, Debug)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
