//! What the router serves beside `/graphql`: the front page, GraphiQL, health, keys, the schema and the published operations.
//! Nothing is loaded from elsewhere: a hospital's network has no CDN.

mod files;
mod health;

use std::{sync::Arc, time::Duration};

use askama::Template;
use healthbridge_auth::Verifier;
use hive_router::{
    SchemaState,
    http::{Method, StatusCode},
    ntex::{
        http::{Response, ResponseBuilder, header},
        web::{DefaultError, WebRequest},
    },
};
use serde_json::{Value, json};

use self::{files::File, health::Health};
use crate::{
    API_SCHEMA,
    settings::{Auth, Demo, PluginSettings},
};

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

/// Pages may load and call their own origin only; GraphiQL's editor styles itself inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The longest that the keys are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest that a part is waited for, which gives itself a second: a part that hangs must not make probes of the router
/// fail, which have three.
const PART_PATIENCE: Duration = Duration::from_millis(1500);

pub(crate) struct Pages {
    auth: Option<Auth>,
    front: String,
    /// Where it is served.
    graphiql: Option<String>,
    introspection: bool,
    client: reqwest::Client,
    health: Health,
}

/// The front page: what this is, how it is, and where all the rest is.
#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    graphiql: bool,
    schema: bool,
    chart: &'static str,
    operations: Vec<&'static str>,
    metrics: Option<String>,
    demo: Option<&'a Demo>,
}

/// GraphiQL, with what its script is told.
#[derive(Template)]
#[template(path = "graphiql.html")]
struct GraphiQl {
    settings: String,
}

impl Pages {
    pub(crate) fn new(settings: PluginSettings) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let front = Front {
            graphiql: settings.graphiql,
            schema: settings.introspection,
            chart: document("patient-chart").unwrap_or_default().trim_end(),
            operations: OPERATIONS.iter().map(|(name, _)| *name).collect(),
            // Who may use GraphiQL here works on the graph, and looks for them.
            metrics: settings
                .metrics_listen
                .filter(|_| settings.graphiql)
                .map(|listen| format!("http://{listen}/metrics")),
            demo: settings.demo.as_ref(),
        };
        let front = front.render()?;
        let graphiql = settings.graphiql.then(|| GraphiQl::new(settings.demo.as_ref()).render()).transpose()?;
        Ok(Self {
            auth: settings.auth,
            front,
            graphiql,
            introspection: settings.introspection,
            health: Health::new(settings.subgraphs, reqwest::Client::builder().timeout(PART_PATIENCE).build()?),
            client,
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
        match (request.path(), &self.graphiql) {
            ("/", _) => Some(page("text/html; charset=utf-8", self.front.clone())),
            ("/graphiql", Some(graphiql)) => Some(page("text/html; charset=utf-8", graphiql.clone())),
            ("/healthz", _) => Some(json_page(StatusCode::OK, &json!({ "status": "ok" }))),
            ("/readyz", _) => Some(self.readiness(has_graph(request), verifier).await),
            ("/schema.graphql", _) if self.introspection => Some(page("text/plain; charset=utf-8", API_SCHEMA)),
            ("/.well-known/jwks.json", _) => Some(self.keys(|auth| &auth.jwks_url).await),
            ("/.well-known/report-signing-jwks.json", _) => Some(self.keys(|auth| &auth.report_keys_url).await),
            (path, _) if path.starts_with("/operations/") && self.introspection => operation(path),
            (path, _) => File::of(path).map(|file| file.answer(request.headers())),
        }
    }

    /// Ready is who has the graph and the keys. A subgraph that is down costs its own fields, and is told beside.
    async fn readiness(&self, has_graph: bool, verifier: Option<&Verifier>) -> Response {
        let parts = self.health.parts().await;
        let has_keys = verifier.is_none_or(|verifier| verifier.keys().is_ready());
        let (status, text) = if has_graph && has_keys {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        };
        let are_stale = verifier.is_some_and(|verifier| verifier.revocations().are_stale());
        let revocations = if are_stale { "stale" } else { "ok" };
        let subgraphs: Value = parts.iter().map(|part| (part.name.clone(), Value::from(part.status))).collect();
        json_page(
            status,
            &json!({
                "status": text,
                "version": env!("CARGO_PKG_VERSION"),
                "subgraphs": subgraphs,
                "parts": parts,
                "revocations": revocations,
            }),
        )
    }

    /// The keys of a subgraph, so that clients need to know one address only.
    async fn keys(&self, url: impl FnOnce(&Auth) -> &String) -> Response {
        let Some(url) = self.auth.as_ref().map(url) else { return json_page(StatusCode::NOT_FOUND, &json!({})) };
        let keys = async { self.client.get(url).send().await?.error_for_status()?.json::<Value>().await };
        match keys.await {
            Ok(keys) => json_page(StatusCode::OK, &keys),
            Err(_) => json_page(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unavailable" })),
        }
    }
}

impl GraphiQl {
    fn new(demo: Option<&Demo>) -> Self {
        let example = demo.map_or("", |demo| &demo.patient_id);
        let operations: Vec<Value> = OPERATIONS
            .iter()
            .map(|(_, document)| {
                let variables = if document.contains("$id: ID!") { json!({ "id": example }) } else { json!({}) };
                json!({ "document": document, "variables": format!("{variables:#}") })
            })
            .collect();
        let settings = json!({ "operations": operations, "demo": demo });
        // Nothing in it ends the element that it stands in.
        Self { settings: settings.to_string().replace('<', "\\u003c") }
    }
}

/// Whether the engine has built its graph: it listens before.
fn has_graph(request: &WebRequest<DefaultError>) -> bool {
    request.app_state::<Arc<SchemaState>>().is_some_and(|state| state.configured_runtime().is_some())
}

/// A published operation, by its file's name.
fn operation(path: &str) -> Option<Response> {
    let name = path.strip_prefix("/operations/")?.strip_suffix(".graphql")?;
    Some(page("text/plain; charset=utf-8", document(name)?))
}

/// The document of a published operation.
fn document(name: &str) -> Option<&'static str> {
    OPERATIONS.iter().find(|(known, _)| *known == name).map(|(_, document)| *document)
}

fn page(kind: &str, content: impl Into<String>) -> Response {
    safe(kind).body(content.into())
}

/// An answer that a browser takes for what it is called, and that loads nothing from elsewhere.
fn safe(kind: &str) -> ResponseBuilder {
    let mut answer = Response::build(StatusCode::OK);
    answer
        .content_type(kind)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer");
    answer
}

fn json_page(status: StatusCode, content: &Value) -> Response {
    Response::build(status).content_type("application/json").body(content.to_string())
}
