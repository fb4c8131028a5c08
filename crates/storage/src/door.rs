use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// How query parameters begin that belong to the operations of this storage: signatures, and what a download's headers are
/// to be. Any other one asks for an operation that it has not, and many of those begin with an XML body.
const PARAMETERS: [&str; 2] = ["x-amz-", "response-"];

/// What the S3 SDKs say of an operation beside its method.
const OPERATION: &str = "x-id";

/// Those of a list of objects, which has no body either.
const OF_LISTS: [&str; 8] = [
    "list-type",
    "prefix",
    "max-keys",
    "continuation-token",
    "start-after",
    "delimiter",
    "encoding-type",
    "fetch-owner",
];

/// Largest number of query parameters: a presigned URL has about ten.
const MAX_PARAMETERS: usize = 32;

/// Stands before the protocol: only what this storage does gets there. HEAD and list of a bucket; HEAD, GET, PUT and DELETE
/// of an object. None of them has an XML body, a form or a policy, whose parsers are never reached.
pub(crate) async fn door(request: Request, next: Next) -> Response {
    let method = label(request.method());
    let answer = if let Some(refusal) = refusal(&request) {
        refusal
    } else {
        let mut answer = next.run(request).await;
        confine(answer.headers_mut());
        answer
    };
    let outcome = match answer.status() {
        status if status.is_server_error() => "failed",
        status if status.is_client_error() => "refused",
        _ => "served",
    };
    metrics::counter!("healthbridge_storage_requests_total", "method" => method, "outcome" => outcome).increment(1);
    answer
}

/// Whatever is downloaded is bytes: no browser may take it for a page, or run anything in it, at this origin.
fn confine(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn refusal(request: &Request) -> Option<Response> {
    let path = request.uri().path();
    let is_object = path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let query = request.uri().query().unwrap_or_default();
    let is_list = *request.method() == Method::GET && !is_object && query.split('&').any(|pair| pair == "list-type=2");
    let is_known = match *request.method() {
        Method::OPTIONS | Method::HEAD => true,
        Method::GET if path == "/healthz" => true,
        Method::GET | Method::PUT | Method::DELETE => is_object || is_list,
        _ => false,
    };
    if !is_known {
        return Some(refuse(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "This storage has no such operation"));
    }
    if !has_known_parameters(query, is_list) {
        return Some(refuse(StatusCode::NOT_IMPLEMENTED, "NotImplemented", "This storage has no such operation"));
    }
    // A copy has no bytes of its own: it would be an object of whoever sends a name.
    if request.headers().contains_key("x-amz-copy-source") {
        return Some(refuse(StatusCode::NOT_IMPLEMENTED, "NotImplemented", "This storage does not copy"));
    }
    None
}

fn has_known_parameters(query: &str, is_list: bool) -> bool {
    let mut names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
    let is_known = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == OPERATION
            || PARAMETERS.iter().any(|known| name.starts_with(known))
            || is_list && OF_LISTS.contains(&name.as_str())
    };
    names.clone().count() <= MAX_PARAMETERS && names.all(is_known)
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"#
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], Body::from(body)).into_response()
}

/// A label must not be a client's choice.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
