//! Which pages of other origins may read answers. The engine gives the headers where it answers itself; an origin that is
//! not listed is taken out of the request, or the engine would answer it with `null`.

use hive_router::{
    http::HeaderName,
    ntex::http::{
        HeaderMap, Response,
        header::{self, HeaderValue},
    },
};

/// What of an answer's head a page may read beside what every page may: why it was refused, when to come again, and the
/// name of the request.
pub(crate) const EXPOSED: [&str; 3] = ["www-authenticate", "retry-after", REQUEST_ID];

/// The header with the name of a request.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// The origins that may read answers.
pub(crate) struct Origins(Vec<String>);

impl Origins {
    pub(crate) fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// The request's origin, if its pages may read the answer; another one is forgotten.
    pub(crate) fn admit(&self, headers: &mut HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?.clone();
        if self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()) {
            return Some(origin);
        }
        headers.remove(header::ORIGIN);
        None
    }

    /// Lets pages of this origin read an answer that the engine does not see.
    pub(crate) fn show(&self, mut answer: Response, origin: Option<&HeaderValue>) -> Response {
        if let Some(origin) = origin {
            let headers = answer.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if let Ok(exposed) = HeaderValue::from_str(&EXPOSED.join(", ")) {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
        }
        self.vary(answer.headers_mut());
        answer
    }

    /// Tells caches that another origin gets another head, where any origin is listed.
    pub(crate) fn vary(&self, headers: &mut HeaderMap) {
        let mut told = headers.get_all(header::VARY).filter_map(|value| value.to_str().ok());
        let is_told = told.any(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("origin")));
        if !self.0.is_empty() && !is_told {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// The header's name as the engine takes it.
pub(crate) fn request_id() -> HeaderName {
    HeaderName::from_static(REQUEST_ID)
}
