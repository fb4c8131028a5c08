//! The HTTP face of a subgraph: GraphQL over HTTP, health and readiness.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use async_graphql_axum::{GraphQLRequest, rejection::GraphQLRejection};
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, FromRequest, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::future::BoxFuture;
use healthbridge_auth::{Bearer, FORWARDED_FOR, Verifier, client_address};
use healthbridge_codes::ErrorCode;
use healthbridge_door::{Limits, Refusal, json::is_json};
use healthbridge_listener::{Asked, Told};
use healthbridge_rights::Caller;
use ipnet::IpNet;
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::Instrument;
use uuid::Uuid;

use crate::Graph;

/// Largest request body, in bytes, where nothing before bounds it more tightly: the listener does.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// After how many seconds one who was turned away may ask again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How long what a part needs may take to answer: who asks whether it is ready must hear in time, above all under load.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// The id of a request, the router's where it sent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Where a request comes from, the router's client where the router is trusted; unknown where nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// What a part waits for before it can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Such as "the database": whoever asks is told.
    pub what: String,
    /// Why it is not there, for the log alone.
    pub reason: String,
}

/// Says whether a part can serve, or what it waits for.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Lack>> + Send + Sync>;

/// How an endpoint stands towards whoever asks.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// Whether the anonymous may introspect. `_service { sdl }` is always served: the router's composer asks for it.
    pub introspection: bool,
    /// The networks of proxies, the router's above all, that are believed for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// How much one request may ask for.
    pub limits: Limits,
}

/// Closed, and with what suits behind a router with its defaults.
impl Default for Exposure {
    fn default() -> Self {
        Self { introspection: false, trusted_proxies: Vec::new(), limits: Limits::default().behind_router() }
    }
}

/// A subgraph's endpoint.
#[derive(Clone)]
pub struct Endpoint {
    graph: Graph,
    verifier: Verifier,
    readiness: Readiness,
    exposure: Arc<Exposure>,
    asked: Arc<Asked<Result<(), Lack>>>,
    told: Arc<Told>,
}

impl Endpoint {
    /// An endpoint of this graph.
    pub fn new(graph: Graph, verifier: Verifier, readiness: Readiness, exposure: Exposure) -> Self {
        Self { graph, verifier, readiness, exposure: Arc::new(exposure), asked: Arc::default(), told: Arc::default() }
    }

    /// Whether what the part needs is there.
    async fn needs(&self) -> Result<(), Lack> {
        if !self.verifier.keys().is_ready() {
            // Why they are not there is told by whoever fetches them.
            return Err(Lack { what: "the key set".to_owned(), reason: "it was never fetched".to_owned() });
        }
        let question = async {
            let answer = tokio::time::timeout(READY_WITHIN, (self.readiness)()).await;
            answer.unwrap_or_else(|_| {
                let what = "what it needs: it answers too slowly".to_owned();
                Err(Lack { what, reason: format!("no answer within {READY_WITHIN:?}") })
            })
        };
        self.asked.answer(question).await
    }

    /// Tells the log what has changed since it was told last.
    fn tell(&self, needs: &Result<(), Lack>) {
        let part = self.graph.name;
        match needs {
            Ok(()) if self.told.is_news(None) => tracing::info!(part, "{part} is ready"),
            Err(Lack { what, reason }) if self.told.is_news(Some(&format!("{what}: {reason}"))) => {
                tracing::warn!(part, waits_for = what, error = reason, "{part} is not ready: it waits for {what}");
            }
            _ => {}
        }
    }

    /// The routes: `/graphql`, `/healthz`, `/readyz`.
    pub fn routes(self) -> Router {
        Router::new()
            // Not by GET: a query in a URL ends in logs, and a mutation there could be sent by any page.
            .route("/graphql", post(serve))
            .route("/readyz", get(ready))
            .with_state(self)
            .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
            .layer(RequestBodyLimitLayer::new(MAX_BODY))
    }
}

async fn ready(State(endpoint): State<Endpoint>) -> Response {
    let needs = endpoint.needs().await;
    endpoint.tell(&needs);
    match needs {
        // What was revoked since may be taken until it ends by itself: an operator is told, callers are served all the same.
        Ok(()) => {
            let revocations = if endpoint.verifier.revocations().are_stale() { "stale" } else { "ok" };
            let version = env!("CARGO_PKG_VERSION");
            Json(json!({ "status": "ok", "version": version, "revocations": revocations })).into_response()
        }
        Err(lack) => {
            let body = Json(json!({ "status": "unavailable", "waitsFor": lack.what }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn serve(State(endpoint): State<Endpoint>, http: Request) -> Response {
    metrics::counter!("healthbridge_graphql_requests_total", "subgraph" => endpoint.graph.name).increment(1);
    let media = Media::wanted(http.headers());
    let request_id = request_id(http.headers());
    let content_type = http.headers().get(header::CONTENT_TYPE);
    if !is_json(content_type.map(HeaderValue::as_bytes)) {
        // Forms and multipart bodies are what a foreign page may send without being asked.
        let code = ErrorCode::UnsupportedMediaType;
        return media.fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/json", code, &request_id);
    }
    let address = address(&http, &endpoint.exposure.trusted_proxies);
    let authorization = http.headers().get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose();
    let bearer = authorization.as_ref().ok().copied().flatten().map(Bearer::new);
    let caller = match authorization {
        Ok(value) => endpoint.verifier.caller(value).await,
        Err(_) => Err(healthbridge_auth::TokenError::NotBearer),
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => {
            let code = ErrorCode::Unauthenticated;
            let mut refusal = media.fault(StatusCode::UNAUTHORIZED, &error.to_string(), code, &request_id);
            let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
            refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            return refusal;
        }
    };
    let request = match read(http, &endpoint.exposure.limits).await {
        Ok(request) => request,
        Err((status, message)) => {
            let is_large = status == StatusCode::PAYLOAD_TOO_LARGE;
            let code = if is_large { ErrorCode::PayloadTooLarge } else { ErrorCode::BadRequest };
            return media.fault(status, &message, code, &request_id);
        }
    };
    let mut request = request.data(request_id.clone()).data(address).data(endpoint.exposure.limits);
    if !endpoint.exposure.introspection && caller == Caller::Anonymous {
        request = request.disable_introspection();
    }
    if let Some(bearer) = bearer {
        request = request.data(bearer);
    }
    let span = tracing::info_span!("graphql", subgraph = endpoint.graph.name, request_id = request_id.0);
    let response = endpoint.graph.execute(request, caller).instrument(span).await;
    media.answer(&named(response, &request_id))
}

/// Whoever gets an error gets the id under which the log has the request.
fn named(mut response: GraphqlResponse, request_id: &RequestId) -> GraphqlResponse {
    for error in &mut response.errors {
        error.extensions.get_or_insert_default().set("requestId", request_id.0.as_str());
    }
    response
}

/// Whether a request was turned away because too much was asked at once. One that has data beside that was done in part,
/// and must not look as if it could be sent again as a whole.
fn is_overloaded(response: &GraphqlResponse) -> bool {
    let is_empty = match &response.data {
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        data => *data == Value::Null,
    };
    let has_code = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        matches!(code, Some(Value::String(code)) if code == ErrorCode::Overloaded.text())
    };
    is_empty && response.errors.iter().any(has_code)
}

/// Reads a request out of its body, whose nesting is checked first.
async fn read(http: Request, limits: &Limits) -> Result<async_graphql::Request, (StatusCode, String)> {
    let (head, body) = http.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await;
    let body = body.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or broken off".to_owned()))?;
    healthbridge_door::json::check(&body, limits.json_nesting)
        .map_err(|refusal| (StatusCode::BAD_REQUEST, refusal.message))?;
    let http = Request::from_parts(head, Body::from(body));
    let request = GraphQLRequest::<GraphQLRejection>::from_request(http, &()).await;
    let request = request
        .map(GraphQLRequest::into_inner)
        .map_err(|rejection| (rejection.into_response().status(), "The request is not a GraphQL request".to_owned()))?;
    if request.query.is_empty() {
        return Err((StatusCode::BAD_REQUEST, Refusal::no_query().message));
    }
    Ok(request)
}

/// The server puts the peer's address beside a request.
fn address(http: &Request, trusted: &[IpNet]) -> ClientAddress {
    let peer = http.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let forwarded = http.headers().get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    ClientAddress(peer.map(|peer| client_address(peer, forwarded, trusted)))
}

#[expect(clippy::disallowed_methods, reason = "a request that nobody named is named here")]
fn request_id(headers: &HeaderMap) -> RequestId {
    let sent = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    RequestId(sent.filter(|id| is_plain(id)).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
}

/// A log line is no place for whatever somebody sends. The router takes the same ids.
fn is_plain(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(is_plain)
}

/// How the answer is written: the GraphQL over HTTP specification has two media types with different status codes.
#[derive(Clone, Copy)]
enum Media {
    Json,
    GraphqlResponse,
}

impl Media {
    fn wanted(headers: &HeaderMap) -> Self {
        let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut types = accepts.flat_map(|value| value.split(','));
        let is_new =
            |kind: &str| kind.split(';').next().unwrap_or_default().trim() == "application/graphql-response+json";
        if types.any(is_new) { Self::GraphqlResponse } else { Self::Json }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    fn answer(self, response: &GraphqlResponse) -> Response {
        // Without data the request was never executed: the newer media type says so in the status.
        let refused = response.data == Value::Null && !response.errors.is_empty();
        let ran = response.errors.iter().any(|error| !error.path.is_empty());
        let status = match self {
            _ if is_overloaded(response) => StatusCode::SERVICE_UNAVAILABLE,
            Self::GraphqlResponse if refused && !ran => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        let mut answer = if refused && !ran {
            // Nothing ran: that is said by leaving the data out, where null would say that it failed.
            (status, Json(json!({ "errors": response.errors }))).into_response()
        } else {
            (status, Json(response)).into_response()
        };
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        for (name, value) in &response.http_headers {
            answer.headers_mut().append(name.clone(), value.clone());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        answer
    }

    fn fault(self, status: StatusCode, message: &str, code: ErrorCode, request_id: &RequestId) -> Response {
        let extensions = json!({ "code": code.text(), "requestId": request_id.0 });
        let body = json!({ "errors": [{ "message": message, "extensions": extensions }] });
        let mut answer = (status, Json(body)).into_response();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        answer
    }
}
