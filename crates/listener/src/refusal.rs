use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use healthbridge_codes::ErrorCode;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// What a part's clients speak: how bodies arrive, and how a refusal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// GraphQL: bodies are small and read whole before anything else is done.
    Graphql,
    /// Objects by the S3 protocol: bodies are large and flow.
    Objects,
}

/// Why a request went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many run and wait already.
    Overloaded,
    /// The body did not arrive in time.
    SlowBody,
    /// The body is too large.
    LargeBody,
    /// The body broke off, or breaks HTTP's rules.
    BrokenBody,
    /// The handler panicked.
    Fault,
}

impl Refusal {
    /// The reason in the metric.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::SlowBody => "slow_body",
            Self::LargeBody => "large_body",
            Self::BrokenBody => "broken_body",
            Self::Fault => "fault",
        }
    }

    /// The answer, as the face's clients read it.
    pub(crate) fn answer(self, face: Face) -> Response {
        let (status, code, s3_code, message) = match self {
            Self::Overloaded => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded, "SlowDown", "Too many requests are under way")
            }
            Self::SlowBody => (
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::RequestTimeout,
                "RequestTimeout",
                "The body did not arrive in time",
            ),
            Self::LargeBody => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge, "EntityTooLarge", "The body is too large")
            }
            Self::BrokenBody => {
                (StatusCode::BAD_REQUEST, ErrorCode::BadRequest, "IncompleteBody", "The body did not arrive whole")
            }
            Self::Fault => (
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::InternalServerError,
                "InternalError",
                "The request failed for a reason of ours",
            ),
        };
        let mut answer = match face {
            Face::Graphql => {
                let body = json!({ "errors": [{ "message": message, "extensions": { "code": code.text() } }] });
                axum::Json(body).into_response()
            }
            Face::Objects => {
                let declaration = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
                let body = format!("{declaration}<Error><Code>{s3_code}</Code><Message>{message}</Message></Error>");
                let mut answer = Response::new(Body::from(body));
                let headers = answer.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
                // A page that uploads must be able to see why it failed.
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                answer
            }
        };
        *answer.status_mut() = status;
        if self == Self::Overloaded {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::SlowBody | Self::LargeBody | Self::BrokenBody) {
            // The rest of the body is not waited for.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}
