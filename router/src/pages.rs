//! What the router serves beside `/graphql`: the landing page, GraphiQL, health, keys and the schema. Nothing is loaded
//! from elsewhere: a hospital's network has no CDN.

use std::time::Duration;

use futures::future::join_all;
use healthbridge_auth::Verifier;
use healthbridge_listener::{Asked, Told};
use healthbridge_telemetry::causes;
use hive_router::{
    http::{Method, StatusCode},
    ntex::{
        http::{Response, header},
        web::{DefaultError, WebRequest},
    },
};
use serde_json::{Map, Value, json};

use crate::{
    API_SCHEMA,
    settings::{PluginSettings, Subgraph},
};

const LANDING: &str = include_str!("../assets/landing.html");
const GRAPHIQL: &str = include_str!("../assets/graphiql.html");

/// File, media type and content of GraphiQL's parts.
const ASSETS: [(&str, &str, &str); 6] = [
    ("graphiql.min.js", "text/javascript", include_str!("../assets/graphiql/graphiql.min.js")),
    ("graphiql.min.css", "text/css", include_str!("../assets/graphiql/graphiql.min.css")),
    ("react.production.min.js", "text/javascript", include_str!("../assets/graphiql/react.production.min.js")),
    ("react-dom.production.min.js", "text/javascript", include_str!("../assets/graphiql/react-dom.production.min.js")),
    ("start.js", "text/javascript", include_str!("../assets/graphiql/start.js")),
    ("landing.js", "text/javascript", include_str!("../assets/landing.js")),
];

/// Pages may load and call their own origin only; GraphiQL's editor styles itself inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(crate) struct Pages {
    subgraphs: Vec<(Subgraph, Told)>,
    jwks_url: Option<String>,
    graphiql: bool,
    introspection: bool,
    client: reqwest::Client,
    asked: Asked<Map<String, Value>>,
}

impl Pages {
    pub(crate) fn new(settings: PluginSettings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            subgraphs: settings.subgraphs.into_iter().map(|subgraph| (subgraph, Told::default())).collect(),
            jwks_url: settings.auth.map(|auth| auth.jwks_url),
            graphiql: settings.graphiql,
            introspection: settings.introspection,
            client: reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?,
            asked: Asked::default(),
        })
    }

    /// The page at the request's path, if it is one of ours.
    pub(crate) async fn answer(
        &self,
        request: &WebRequest<DefaultError>,
        verifier: Option<&Verifier>,
    ) -> Option<Response> {
        if request.method() != Method::GET {
            return None;
        }
        match request.path() {
            "/" => Some(page("text/html; charset=utf-8", LANDING)),
            "/graphiql" if self.graphiql => Some(page("text/html; charset=utf-8", GRAPHIQL)),
            "/healthz" => Some(json_page(StatusCode::OK, &json!({ "status": "ok" }))),
            "/readyz" => Some(self.readiness(verifier).await),
            "/schema.graphql" if self.introspection => Some(page("text/plain; charset=utf-8", API_SCHEMA)),
            "/.well-known/jwks.json" => Some(self.keys().await),
            path => {
                let name = path.strip_prefix("/assets/")?;
                let (_, kind, content) = ASSETS.iter().find(|(file, ..)| *file == name)?;
                Some(page(kind, content))
            }
        }
    }

    /// Ready is who has the keys. A subgraph that is down costs its own fields, and is told beside.
    async fn readiness(&self, verifier: Option<&Verifier>) -> Response {
        let subgraphs = self.subgraphs().await;
        let has_keys = verifier.is_none_or(|verifier| verifier.keys().is_ready());
        let (status, text) =
            if has_keys { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
        let are_stale = verifier.is_some_and(|verifier| verifier.revocations().are_stale());
        let revocations = if are_stale { "stale" } else { "ok" };
        json_page(status, &json!({ "status": text, "subgraphs": subgraphs, "revocations": revocations }))
    }

    /// How the subgraphs are.
    async fn subgraphs(&self) -> Map<String, Value> {
        let states = join_all(self.subgraphs.iter().map(|(subgraph, told)| async {
            let name = &subgraph.name;
            let state = self.is_ready(&subgraph.url).await;
            if told.is_news(state.as_ref().err().map(String::as_str)) {
                match &state {
                    Ok(()) => tracing::warn!(subgraph = name, "{name} is available again"),
                    Err(error) => tracing::warn!(subgraph = name, error, "{name} is unavailable"),
                }
            }
            (name.clone(), Value::from(if state.is_ok() { "ok" } else { "unavailable" }))
        }));
        self.asked.answer(async { states.await.into_iter().collect() }).await
    }

    /// Whether a subgraph says that it is ready, or why not.
    async fn is_ready(&self, endpoint: &str) -> Result<(), String> {
        let url = readiness_url(endpoint).ok_or("its endpoint is no URL")?;
        let answer = self.client.get(url).send().await.map_err(|error| causes(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said: Value = answer.json().await.unwrap_or_default();
        Err(format!(
            "it answers {status} and waits for {}",
            said["waitsFor"].as_str().unwrap_or("what it does not say")
        ))
    }

    /// The keys of the patients subgraph, so that clients need to know one address only.
    async fn keys(&self) -> Response {
        let Some(url) = &self.jwks_url else { return json_page(StatusCode::NOT_FOUND, &json!({})) };
        let keys = async { self.client.get(url).send().await?.error_for_status()?.json::<Value>().await };
        match keys.await {
            Ok(keys) => json_page(StatusCode::OK, &keys),
            Err(_) => json_page(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unavailable" })),
        }
    }
}

/// Where a subgraph says whether it is ready: beside its GraphQL endpoint.
fn readiness_url(endpoint: &str) -> Option<reqwest::Url> {
    reqwest::Url::parse(endpoint).ok()?.join("readyz").ok()
}

fn page(kind: &str, content: &'static str) -> Response {
    Response::build(StatusCode::OK)
        .content_type(kind)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer")
        .body(content)
}

fn json_page(status: StatusCode, content: &Value) -> Response {
    Response::build(status).content_type("application/json").body(content.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subgraph_is_asked_for_its_readiness_beside_its_endpoint_whatever_its_host_is_called() {
        let of = |endpoint: &str| readiness_url(endpoint).map(String::from);
        assert_eq!(of("http://graphql-x:8001/graphql").as_deref(), Some("http://graphql-x:8001/readyz"));
        assert_eq!(of("http://host/billing/graphql?a=b").as_deref(), Some("http://host/billing/readyz"));
        assert_eq!(of("no URL"), None);
    }
}
