//! Our one plugin: it refuses tokens that are not valid, serves the pages beside `/graphql`, and names the errors.

use std::sync::Arc;

use healthbridge_auth::{FORWARDED_FOR, KeyRing, Verifier, client_address};
use hive_router::{
    GraphQLError, async_trait,
    background_tasks::{BackgroundTask, CancellationToken},
    executor::response::value::Value,
    http::StatusCode,
    ntex::{
        http::{Response, header},
        web::{DefaultError, WebRequest},
    },
    plugins::{
        hooks::{
            on_execute::{OnExecuteStartHookPayload, OnExecuteStartHookResult},
            on_graphql_error::{OnGraphQLErrorHookPayload, OnGraphQLErrorHookResult},
            on_http_request::{OnHttpRequestHookFuture, OnHttpRequestHookPayload},
            on_plugin_init::{OnPluginInitPayload, OnPluginInitResult},
        },
        plugin_trait::{EndHookPayload, FromGraphQLErrorToResponse, RouterPlugin, StartHookPayload},
    },
    query_planner::{
        ast::{
            operation::OperationDefinition,
            selection_item::SelectionItem,
            selection_set::{FieldSelection, SelectionSet},
        },
        state::supergraph_state::OperationKind,
    },
};

use ipnet::IpNet;

use crate::{pages::Pages, settings::PluginSettings};

pub(crate) struct HealthBridge {
    verifier: Option<Verifier>,
    pages: Pages,
    trusted_proxies: Vec<IpNet>,
}

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
        let pages = Pages::new(settings)?;
        payload.initialize_plugin(Self { verifier, pages, trusted_proxies })
    }

    fn on_http_request<'req>(&'req self, payload: OnHttpRequestHookPayload<'req>) -> OnHttpRequestHookFuture<'req> {
        Box::pin(async move {
            let mut payload = payload;
            self.name_client(&mut payload.router_http_request);
            let request = &payload.router_http_request;
            if let Some(page) = self.pages.answer(request, self.verifier.as_ref()).await {
                return payload.end_with_response(page);
            }
            match self.refuse(request).await {
                Some(refusal) => payload.end_with_response(refusal),
                None => payload.proceed(),
            }
        })
    }

    /// Counts the refusals of mutations beside the data: who looks there alone must not take one for a success.
    async fn on_execute<'exec>(
        &'exec self,
        payload: OnExecuteStartHookPayload<'exec>,
    ) -> OnExecuteStartHookResult<'exec> {
        let names = names_of_refusals(payload.operation_for_plan);
        payload.on_end(move |mut payload| {
            let count = refusals(&payload.data, &names);
            if count > 0 {
                payload.add_extension("userErrors", count);
            }
            payload.proceed()
        })
    }

    /// Hive Router's codes say how a subgraph failed; a client wants to know that it did, and which.
    fn on_graphql_error<'req>(
        &'req self,
        mut payload: OnGraphQLErrorHookPayload<'req>,
    ) -> OnGraphQLErrorHookResult<'req> {
        let extensions = &mut payload.error.extensions;
        let is_unreachable = extensions.code.as_deref().is_some_and(|code| code.starts_with("SUBREQUEST_"));
        if is_unreachable {
            let name = extensions.service_name.as_deref().unwrap_or("unknown");
            payload.error.message = format!("The subgraph `{name}` is unavailable");
            extensions.code = Some("SUBGRAPH_UNAVAILABLE".to_owned());
        }
        payload.proceed()
    }
}

/// The names that a mutation's client gives to its root fields, and to `userErrors` in each.
fn names_of_refusals(operation: &OperationDefinition) -> Vec<(String, String)> {
    fn fields(selections: &SelectionSet) -> impl Iterator<Item = &FieldSelection> {
        selections
            .items
            .iter()
            .filter_map(|item| if let SelectionItem::Field(field) = item { Some(field) } else { None })
    }
    if operation.operation_kind != Some(OperationKind::Mutation) {
        return Vec::new();
    }
    let of = |root: &FieldSelection| {
        let errors = fields(&root.selections).filter(|field| field.name == "userErrors");
        let name = |errors: &FieldSelection| {
            (root.selection_identifier().to_owned(), errors.selection_identifier().to_owned())
        };
        errors.map(name).collect::<Vec<_>>()
    };
    fields(&operation.selection_set).flat_map(of).collect()
}

/// How many `userErrors` an answer has under these names.
fn refusals(data: &Value<'_>, names: &[(String, String)]) -> usize {
    fn of<'a>(value: &'a Value<'a>, name: &str) -> Option<&'a Value<'a>> {
        let Value::Object(fields) = value else { return None };
        fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
    let count = |(root, errors): &(String, String)| match of(data, root).and_then(|payload| of(payload, errors)) {
        Some(Value::Array(errors)) => errors.len(),
        _ => 0,
    };
    names.iter().map(count).sum()
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
    async fn refuse(&self, request: &WebRequest<DefaultError>) -> Option<Response> {
        let verifier = self.verifier.as_ref()?;
        let authorization = request.headers().get(header::AUTHORIZATION)?;
        let error = match authorization.to_str() {
            Ok(value) => verifier.caller(Some(value)).await.err()?,
            Err(_) => healthbridge_auth::TokenError::NotBearer,
        };
        let error = GraphQLError::from_message_and_code(error.to_string(), "UNAUTHENTICATED");
        let mut refusal = Response::from_graphql_error_to_response(error, StatusCode::UNAUTHORIZED);
        let challenge = header::HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Some(refusal)
    }
}
