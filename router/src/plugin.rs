//! Our one plugin: it refuses tokens that are not valid, serves the pages beside `/graphql`, and names the errors.

use std::sync::{Arc, LazyLock};

use healthbridge_auth::{FORWARDED_FOR, KeyRing, Verifier, client_address};
use healthbridge_codes::ErrorCode;
use healthbridge_door::{Refusal, first_errors, json};
use healthbridge_listener::{Held, Lane, Limits, Room};
use hive_router::{
    GraphQLError, async_trait,
    background_tasks::{BackgroundTask, CancellationToken},
    executor::{hooks::on_graphql_params::GraphQLParams, plugin_context::PluginContext, response::value::Value},
    graphql_tools::validation::utils::ValidationError,
    http::{Method, StatusCode},
    ntex::{
        http::{HeaderMap, Response, header},
        web::{self, DefaultError, WebRequest},
    },
    opentelemetry,
    plugins::{
        hooks::{
            on_execute::{OnExecuteStartHookPayload, OnExecuteStartHookResult},
            on_graphql_error::{OnGraphQLErrorHookPayload, OnGraphQLErrorHookResult},
            on_graphql_params::{OnGraphQLParamsStartHookPayload, OnGraphQLParamsStartHookResult},
            on_graphql_parse::{OnGraphQLParseHookResult, OnGraphQLParseStartHookPayload},
            on_graphql_validation::{OnGraphQLValidationStartHookPayload, OnGraphQLValidationStartHookResult},
            on_http_request::{OnHttpRequestHookFuture, OnHttpRequestHookPayload},
            on_plugin_init::{OnPluginInitPayload, OnPluginInitResult},
        },
        plugin_trait::{EndHookPayload, FromGraphQLErrorToResponse, RouterPlugin, StartHookPayload},
    },
    telemetry::logging::request_id::REQUEST_IDENTIFIERS,
};
use ipnet::IpNet;

use crate::{
    body,
    cors::{self, Origins},
    door::{self, Door},
    errors::{Asking, error},
    pages::Pages,
    persisted,
    places::Asked,
    settings::PluginSettings,
    user_errors::{names_of_refusals, refusals},
};

/// After so many seconds whoever was turned away may come again.
const RETRY_AFTER: &str = "1";

pub(crate) struct HealthBridge {
    verifier: Option<Verifier>,
    pages: Pages,
    door: Door,
    lane: Lane,
    room: Room,
    limits: Limits,
    trusted_proxies: Vec<IpNet>,
    origins: Origins,
}

/// Beside a request: why the door refused it.
struct Refused(Refusal);

/// Beside a request: what is wrong with its document or its variables.
struct Mistakes(Vec<Refusal>);

/// Beside a request: a part that it needs is overloaded.
struct Overloaded;

/// Beside a request: no field of its answer has anything.
struct Empty;

struct KeepFresh {
    verifier: Verifier,
    revocations_url: String,
}

#[async_trait]
impl BackgroundTask for KeepFresh {
    fn id(&self) -> &'static str {
        "healthbridge_keys_and_revocations"
    }

    async fn run(&self, token: CancellationToken) {
        tokio::select! {
            Err(error) = self.verifier.keep_fresh(&self.revocations_url) => {
                tracing::error!(%error, "keys and revocations are not polled");
            }
            () = token.cancelled() => {}
        }
    }
}

#[async_trait]
impl RouterPlugin for HealthBridge {
    type Config = PluginSettings;

    fn plugin_name() -> &'static str {
        "healthbridge"
    }

    fn on_plugin_init(mut payload: OnPluginInitPayload<Self>) -> OnPluginInitResult<Self> {
        let settings = payload.config()?;
        let verifier = match &settings.auth {
            Some(auth) => {
                let keys = Arc::new(KeyRing::remote(&auth.jwks_url)?);
                let verifier = Verifier::new(keys, Arc::default(), &auth.issuer);
                let (kept, revocations_url) = (verifier.clone(), auth.revocations_url.clone());
                payload.register_background_task(KeepFresh { verifier: kept, revocations_url });
                Some(verifier)
            }
            None => None,
        };
        let trusted_proxies = settings.trusted_proxies.clone();
        let origins = Origins::new(settings.allowed_origins.clone());
        let door = Door::new(&std::fs::read_to_string(&settings.supergraph)?, settings.query)?;
        let limits = settings.limits.clone();
        let pages = Pages::new(settings)?;
        let (lane, room) = (Lane::new(&limits), Room::new(&limits));
        payload.initialize_plugin(Self { verifier, pages, door, lane, room, limits, trusted_proxies, origins })
    }

    fn on_http_request<'req>(&'req self, payload: OnHttpRequestHookPayload<'req>) -> OnHttpRequestHookFuture<'req> {
        Box::pin(async move {
            let mut payload = payload;
            self.name_client(&mut payload.router_http_request);
            let origin = self.origins.admit(payload.router_http_request.headers_mut());
            let asking = name_request(&mut payload.router_http_request);
            let early = |answer| named(self.origins.show(answer, origin.as_ref()), &asking.request_id);
            let request = &payload.router_http_request;
            if let Some(page) = self.pages.answer(request, self.verifier.as_ref()).await {
                return payload.end_with_response(page);
            }
            // The engine would serve whatever is below it, too, and pages of its own.
            if request.path() != "/graphql" {
                return payload.end_with_response(Response::new(StatusCode::NOT_FOUND));
            }
            // Before the token is verified: under a flood that alone would keep the machine busy.
            if self.lane.is_full(&self.limits) {
                return payload.end_with_response(early(overloaded(&asking)));
            }
            if let Some(refusal) = self.refuse(request, &asking).await {
                return payload.end_with_response(early(refusal));
            }
            payload.context.insert(asking.clone());
            // Given back with the request, as its turn is.
            let held = Arc::new(self.room.enter());
            body::bound(&mut payload.router_http_request, held.clone());
            payload.context.insert(held);
            payload.on_end(move |payload| {
                // Where other parts have answered, their fields are worth more than the status.
                let is_overloaded = payload.context.contains::<Overloaded>() && payload.context.contains::<Empty>();
                let finished = |mut response: web::WebResponse| {
                    name(response.response_mut().headers_mut(), &asking.request_id);
                    self.origins.vary(response.response_mut().headers_mut());
                    if is_overloaded {
                        *response.response_mut().status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                        retry_later(response.response_mut().headers_mut());
                    }
                    response
                };
                payload.map_response(finished).proceed()
            })
        })
    }

    /// The body is there and nothing of it is parsed: what the door refuses goes no further.
    async fn on_graphql_params<'exec>(
        &'exec self,
        payload: OnGraphQLParamsStartHookPayload<'exec>,
    ) -> OnGraphQLParamsStartHookResult<'exec> {
        let http = payload.router_http_request;
        let content_type = http.headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        if http.method == Method::POST && !json::is_json(content_type) {
            let mut error = error("Send application/json", ErrorCode::UnsupportedMediaType);
            asking(payload.context).name(&mut error);
            return payload.end_with_graphql_error(error, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        // Not before the body was there: one that drips would take a turn meanwhile.
        let Some(turn) = self.lane.turn(&self.limits).await else {
            let refusal = overloaded(&asking(payload.context));
            return payload.end_with_response(refusal);
        };
        // Given back when the answer is made or the client has gone.
        payload.context.insert(turn);
        if let Err(refusal) = self.door.check_json(&payload.body, http.query_string) {
            counted(refusal.code.text());
            payload.context.insert(Refused(refusal));
            return payload.with_graphql_params(nothing()).proceed();
        }
        payload.on_end(|mut payload| {
            if let Err(refusal) = self.door.check_document(&payload.graphql_params) {
                counted(refusal.code.text());
                payload.context.insert(Refused(refusal));
                payload.graphql_params = nothing();
            }
            payload.proceed()
        })
    }

    /// Here the document of a persisted operation is known, too.
    async fn on_graphql_parse<'exec>(
        &'exec self,
        payload: OnGraphQLParseStartHookPayload<'exec>,
    ) -> OnGraphQLParseHookResult<'exec> {
        // What the door refused is nothing now.
        if !payload.context.contains::<Refused>()
            && let Err(mistakes) = self.door.check_operation(payload.graphql_params)
        {
            counted(mistakes.first().map_or(ErrorCode::GraphqlValidationFailed, |first| first.code).text());
            payload.context.insert(Mistakes(mistakes));
        }
        payload.proceed()
    }

    /// Our own judge, which the subgraphs have as well, speaks before the engine's rules do.
    async fn on_graphql_validation<'exec>(
        &'exec self,
        mut payload: OnGraphQLValidationStartHookPayload<'exec>,
    ) -> OnGraphQLValidationStartHookResult<'exec> {
        // A copy: whoever holds on to what is beside a request must not put anything there.
        let mistakes = payload.context.get_ref::<Mistakes>().map(|found| found.0.clone()).unwrap_or_default();
        let is_judged = !mistakes.is_empty();
        if is_judged {
            payload.errors = Some(Arc::new(mistakes.iter().map(door::mistake).collect()));
        }
        if let [one] = mistakes.as_slice() {
            payload.context.insert(Refused(one.clone()));
        }
        // A document may have as many mistakes as it has words.
        payload.on_end(move |mut payload| {
            let error_code = ErrorCode::GraphqlValidationFailed.text();
            let last = |message| ValidationError { locations: Vec::new(), message, error_code };
            let mut errors = first_errors(&payload.errors, last);
            // The engine's code is the name of its rule.
            for error in errors.iter_mut().filter(|_| !is_judged) {
                error.error_code = error_code;
            }
            payload.errors = errors.into();
            payload.proceed()
        })
    }

    /// Counts the refusals of mutations beside the data: who looks there alone must not take one for a success.
    async fn on_execute<'exec>(
        &'exec self,
        payload: OnExecuteStartHookPayload<'exec>,
    ) -> OnExecuteStartHookResult<'exec> {
        let names = names_of_refusals(payload.operation_for_plan);
        let context = payload.context;
        let asked = Asked {
            operation: payload.operation_for_plan,
            plan: payload.query_plan,
            variables: payload.variable_values,
        };
        payload.on_end(move |mut payload| {
            if !payload.errors.is_empty() {
                payload.errors = asked.place(std::mem::take(&mut payload.errors), &payload.data);
            }
            if is_empty(&payload.data) {
                context.insert(Empty);
            }
            let count = refusals(&payload.data, &names);
            if count > 0 {
                payload.add_extension("userErrors", count);
            }
            payload.proceed()
        })
    }

    /// The engine's codes say how it failed; a client wants to know what it can do, and which part failed.
    fn on_graphql_error<'req>(
        &'req self,
        mut payload: OnGraphQLErrorHookPayload<'req>,
    ) -> OnGraphQLErrorHookResult<'req> {
        let asking = asking(payload.context);
        if let Some(refused) = payload.context.get_ref::<Refused>() {
            let Refused(refusal) = refused.as_ref();
            payload.error = door::told(refusal);
            payload.status_code = door::status(refusal).unwrap_or(payload.status_code);
        } else if payload.context.get_ref::<Arc<Held>>().is_some_and(|held| held.as_ref().is_refused()) {
            payload.context.insert(Empty);
            counted(ErrorCode::Overloaded.text());
            payload.error = too_many();
        } else if let Some((code, message)) = payload.error.extensions.code.as_deref().and_then(persisted::refusal) {
            counted(code.text());
            message.clone_into(&mut payload.error.message);
        }
        if asking.name(&mut payload.error) == Some(ErrorCode::Overloaded) {
            payload.context.insert(Overloaded);
        }
        payload.proceed()
    }
}

/// Who asks, as it was found when the request came.
fn asking(context: &PluginContext) -> Asking {
    let found = context.get_ref::<Asking>().map(|asking| asking.as_ref().clone());
    found.unwrap_or_else(|| Asking { request_id: String::new(), is_anonymous: true })
}

/// Names the request as the engine's log does, for the subgraphs, too.
fn name_request(request: &mut WebRequest<DefaultError>) -> Asking {
    let is_anonymous = !request.headers().contains_key(header::AUTHORIZATION);
    let request_id = REQUEST_IDENTIFIERS.try_with(|known| known.req_id().to_owned()).unwrap_or_default();
    name(request.headers_mut(), &request_id);
    Asking { request_id, is_anonymous }
}

/// Puts the request's name into a head.
fn name(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = header::HeaderValue::from_str(request_id) {
        headers.insert(cors::request_id(), value);
    }
}

fn named(mut answer: Response, request_id: &str) -> Response {
    name(answer.headers_mut(), request_id);
    answer
}

fn is_empty(data: &Value<'_>) -> bool {
    match data {
        Value::Object(fields) => fields.iter().all(|(_, value)| matches!(value, Value::Null)),
        _ => true,
    }
}

/// What the engine is given instead of what the door refused: a document that it refuses itself.
fn nothing() -> GraphQLParams {
    GraphQLParams { query: Some(String::new()), ..GraphQLParams::default() }
}

fn too_many() -> GraphQLError {
    error("Too many requests at once: try again", ErrorCode::Overloaded)
}

fn overloaded(asking: &Asking) -> Response {
    counted(ErrorCode::Overloaded.text());
    let mut error = too_many();
    asking.name(&mut error);
    let mut refusal = Response::from_graphql_error_to_response(error, StatusCode::SERVICE_UNAVAILABLE);
    retry_later(refusal.headers_mut());
    refusal
}

fn retry_later(headers: &mut HeaderMap) {
    headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
}

/// Counts what was refused, by the reasons that we have.
fn counted(reason: &'static str) {
    static REFUSED: LazyLock<opentelemetry::metrics::Counter<u64>> = LazyLock::new(|| {
        opentelemetry::global::meter("healthbridge").u64_counter("healthbridge.router.refused").build()
    });
    REFUSED.add(1, &[opentelemetry::KeyValue::new("reason", reason)]);
}

impl HealthBridge {
    /// Tells the subgraphs for whom the router asks; what the client says of itself is taken out.
    fn name_client(&self, request: &mut WebRequest<DefaultError>) {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let headers = request.headers_mut();
        let forwarded = headers.get_all(FORWARDED_FOR).map(header::HeaderValue::as_bytes);
        let client = peer.map(|peer| client_address(peer, forwarded, &self.trusted_proxies).to_string());
        // Every line of it.
        headers.remove(FORWARDED_FOR);
        if let Some(value) = client.and_then(|client| header::HeaderValue::from_str(&client).ok()) {
            headers.insert(header::HeaderName::from_static(FORWARDED_FOR), value);
        }
    }

    /// Hive Router takes a token that is not valid for none at all; we do not.
    async fn refuse(&self, request: &WebRequest<DefaultError>, asking: &Asking) -> Option<Response> {
        let verifier = self.verifier.as_ref()?;
        let authorization = request.headers().get(header::AUTHORIZATION)?;
        let reason = match authorization.to_str() {
            Ok(value) => verifier.caller(Some(value)).await.err()?,
            Err(_) => healthbridge_auth::TokenError::NotBearer,
        };
        let mut error = error(reason.to_string(), ErrorCode::Unauthenticated);
        error.extensions.set("requestId".to_owned(), asking.request_id.as_str().into());
        let mut refusal = Response::from_graphql_error_to_response(error, StatusCode::UNAUTHORIZED);
        let challenge = header::HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Some(refusal)
    }
}
