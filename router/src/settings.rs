use std::{net::SocketAddr, path::PathBuf};

use healthbridge_listener::Limits;
use healthbridge_telemetry::LogFormat;
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::{PersistedDocuments, cors};

/// How the router runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// The supergraph's file; the one that this build was made with where it is left out.
    pub supergraph: Option<PathBuf>,
    /// The subgraphs' URLs; one that is left out has the URL in the supergraph.
    pub subgraphs: Vec<Subgraph>,
    /// Whose tokens are taken. Without it nothing is checked, and nobody may start the router so by accident.
    pub auth: Option<Auth>,
    /// Whether the schema may be introspected.
    pub introspection: bool,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
    /// Origins of browsers that may use the graph beside the router's own; none where it is left out.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies before the router that are believed for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// Where metrics are served, apart from everything else; nowhere where it is left out.
    pub metrics_listen: Option<SocketAddr>,
    /// The demo that the pages tell of; nothing where it is left out.
    pub demo: Option<Demo>,
    /// Operations that clients send by their id.
    pub persisted_documents: PersistedDocuments,
    /// How much one request may ask for.
    pub query: healthbridge_door::Limits,
    /// How many requests at once, and how slow.
    pub limits: Limits,
}

/// A subgraph and where it is.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Subgraph {
    /// Its name in the supergraph.
    pub name: String,
    /// Its GraphQL endpoint.
    pub url: String,
}

/// A demo whose accounts everybody may use.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    /// The accounts.
    pub accounts: Vec<DemoAccount>,
    /// The password of each of them, which is no secret.
    pub password: String,
    /// The id of a patient to begin with.
    pub patient_id: String,
}

/// An account of the demo.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct DemoAccount {
    /// Its email address.
    pub email: String,
    /// Who it is, and what for.
    pub who: String,
}

/// Whose tokens are taken.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Auth {
    /// The `iss` of our tokens.
    pub issuer: String,
    /// Where the keys are published.
    pub jwks_url: String,
    /// Where revocations are published.
    pub revocations_url: String,
    /// Where the keys are published that sign reports.
    pub report_keys_url: String,
}

/// What the plugin is told; it reads its part of the configuration as Hive Router hands it over.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct PluginSettings {
    pub auth: Option<Auth>,
    pub subgraphs: Vec<Subgraph>,
    pub graphiql: bool,
    pub introspection: bool,
    pub demo: Option<Demo>,
    pub metrics_listen: Option<SocketAddr>,
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpNet>,
    pub supergraph: String,
    pub query: healthbridge_door::Limits,
    pub limits: Limits,
}

/// The engine's metrics that tell operations by the name that the client gives them.
const METRICS_BY_OPERATION: [&str; 8] = [
    "hive.router.demand_control.cost.estimated",
    "hive.router.demand_control.cost.actual",
    "hive.router.demand_control.cost.delta",
    "http.server.request.duration",
    "http.server.request.body.size",
    "http.server.response.body.size",
    "hive.router.request.overhead.duration",
    "hive.router.request.external_wait.duration",
];

impl Settings {
    /// The configuration of Hive Router, in JSON, which is YAML, too.
    pub(crate) fn hive(&self, supergraph: &str, manifest: &str) -> Value {
        let urls: Map<String, Value> =
            self.subgraphs.iter().map(|subgraph| (subgraph.name.clone(), json!({ "url": subgraph.url }))).collect();
        let require_id = self.persisted_documents.require_id;
        let plugin = PluginSettings {
            auth: self.auth.clone(),
            subgraphs: self.subgraphs.clone(),
            graphiql: self.graphiql && !require_id,
            introspection: self.introspection,
            demo: self.demo.clone(),
            metrics_listen: self.metrics_listen,
            allowed_origins: self.allowed_origins.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            supergraph: supergraph.to_owned(),
            query: self.query,
            limits: self.limits.clone(),
        };
        let (level, filter) = log();
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let unnamed = json!({ "attributes": { "graphql.operation.name": false } });
        let instruments: Map<String, Value> =
            METRICS_BY_OPERATION.iter().map(|name| ((*name).to_owned(), unnamed.clone())).collect();
        let mut config = json!({
            "log": { "level": level, "format": format, "filter": filter },
            "supergraph": { "source": "file", "path": supergraph },
            "http": {
                "host": self.listen.ip().to_string(),
                "port": self.listen.port(),
                "graphql_endpoint": "/graphql",
                "shutdown_timeout": "1s",
            },
            "laboratory": { "enabled": false },
            "introspection": self.introspection,
            "persisted_documents": {
                "enabled": true,
                "require_id": require_id,
                // What we have put together, once.
                "storage": { "type": "file", "path": manifest, "watch": false },
            },
            "override_subgraph_urls": { "subgraphs": urls },
            "traffic_shaping": {
                // Two callers' requests must never share an answer.
                "all": { "request_timeout": format!("{}ms", self.limits.subgraph_timeout_ms), "dedupe_enabled": false },
                // Longer than the proxies before us keep an idle connection (commonly 60 s): were we the first to close it, a
                // request that is just being sent would be lost.
                "router": {
                    "keep_alive": format!("{}ms", self.limits.idle_timeout_ms),
                    "header_read_timeout": format!("{}ms", self.limits.header_timeout_ms),
                    "body_read_timeout": format!("{}ms", self.limits.body_timeout_ms),
                    // What arrives is what is counted: a body must not become a thousand times as large here.
                    "compression": { "request": { "enabled": false } },
                },
            },
            "headers": { "all": { "request": [{ "propagate": { "named": ["authorization", cors::REQUEST_ID, healthbridge_auth::FORWARDED_FOR] } }] } },
            "limits": { "max_depth": { "n": 25 }, "max_tokens": { "n": self.query.tokens }, "max_aliases": { "n": 100 },
                "max_request_body_size": format!("{}B", self.limits.max_body_bytes),
                "max_request_header_size": format!("{}B", self.limits.max_header_bytes) },
            // The subgraphs mask their own faults, and know which of their messages may be told.
            "error_masking": { "enabled": false },
            // A page of another origin can send neither of these, nor JSON, without asking first.
            "csrf": { "enabled": true, "required_headers": ["authorization", "x-requested-with", "apollo-require-preflight"] },
            "telemetry": { "metrics": {
                "exporters": [{ "kind": "prometheus", "path": "/metrics" }],
                "instrumentation": { "instruments": instruments },
            } },
            "plugins": { "healthbridge": { "enabled": true, "config": plugin } },
        });
        let object = config.as_object_mut().expect("an object, made above");
        if !self.allowed_origins.is_empty() {
            object.insert(
                "cors".to_owned(),
                json!({
                    "enabled": true,
                    "policies": [{ "origins": self.allowed_origins }],
                    "expose_headers": cors::EXPOSED,
                    // Browsers ask again after two hours at the latest.
                    "max_age": 7200,
                }),
            );
        }
        if let Some(auth) = &self.auth {
            let provider =
                json!({ "source": "remote", "url": auth.jwks_url, "polling_interval": "5s", "prefetch": true });
            let jwt = json!({
                "enabled": true,
                "jwks_providers": [provider],
                "issuers": [auth.issuer],
                "audiences": [healthbridge_auth::AUDIENCE],
                // The default allows HS256, too, which would take a public key as a secret.
                "allowed_algorithms": ["EdDSA"],
                "require_authentication": false,
            });
            object.insert("jwt".to_owned(), jwt);
        }
        config
    }
}

/// What Hive Router logs where nobody asks for more: what is wrong with the router, and nothing that a client can cause
/// line by line, which metrics count.
const QUIET: &str = "warn,router::http_server=error,router::graphql_validation=error,router::graphql_parsing=error,\
                     router::coerce_variables=error,router::authorization=error,router::introspection=error,\
                     router::websocket_server=error";

/// The level and the filter of the log. The engine gives out nothing below the level, whatever the filter says.
#[expect(clippy::disallowed_methods, reason = "the engine reads its log's settings here, before anything else")]
fn log() -> (&'static str, String) {
    let Ok(filter) = std::env::var("HEALTHBRIDGE_LOG") else { return ("warn", QUIET.to_owned()) };
    let level = ["trace", "debug", "info", "warn"].into_iter().find(|level| filter.contains(level));
    // A release build of the engine knows no trace.
    (level.map_or("error", |level| if level == "trace" { "debug" } else { level }), filter)
}
