//! The configuration of the roles: one TOML file, then environment variables `HEALTHBRIDGE__SECTION__KEY`. A key that is
//! not known is refused. `config/example.toml` documents each.

mod section;

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context, bail};
use healthbridge_auth::ForeignSettings;
use healthbridge_listener::Limits;
use healthbridge_objectstore::Location;
use healthbridge_patients::TotpKey;
use healthbridge_router::PersistedDocuments;
use healthbridge_storage::Credentials;
use healthbridge_telemetry::LogFormat;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

pub use section::{Checkpoints, SubgraphSection};

use crate::{Subgraph, bounds};

/// The whole configuration. A role reads the sections that it needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The deployment's public URL: the issuer of its tokens. Every role needs the same one.
    pub public_url: Option<String>,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// The database of all subgraphs.
    pub database: Database,
    /// Tokens.
    pub auth: Auth,
    /// The router.
    pub router: Router,
    /// The subgraphs.
    pub subgraphs: HashMap<Subgraph, SubgraphSection>,
    /// The object storage.
    pub storage: Storage,
    /// How much one GraphQL request may ask for.
    pub query: healthbridge_door::Limits,
    /// What every part takes of its clients.
    pub limits: Limits,
}

/// The database of all subgraphs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://` URL of the owner. `migrate` uses it, and each subgraph that has none of its own.
    pub url: Option<SecretString>,
    /// A file with that URL.
    pub url_file: Option<PathBuf>,
    /// Most connections of each subgraph; 10 where it is left out.
    pub max_connections: Option<u32>,
}

/// Tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The Ed25519 keys that sign tokens, PKCS#8 PEM, closed to others. Only the patients subgraph needs them, which makes
    /// the first where there is none; `keys rotate` adds the next.
    pub signing_key_file: Option<PathBuf>,
    /// Where the patients subgraph publishes its keys; every other role needs it.
    pub jwks_url: Option<String>,
    /// 64 hexadecimal digits that the secrets of one-time passwords are encrypted with. Only the patients subgraph needs
    /// them; without them nobody has one-time passwords.
    pub totp_key: Option<SecretString>,
    /// A file with those digits.
    pub totp_key_file: Option<PathBuf>,
    /// The issuers whose tokens `signInWithToken` exchanges for ours. Only the patients subgraph needs them.
    pub foreign: Vec<ForeignSettings>,
}

/// The router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Router {
    /// Where it listens; `127.0.0.1:8000` where it is left out.
    pub listen: Option<SocketAddr>,
    /// Where its metrics are; `127.0.0.1` and its port + 100 where it is left out.
    pub metrics_listen: Option<SocketAddr>,
    /// A supergraph's file; the one that the program was built with where it is left out.
    pub supergraph: Option<PathBuf>,
    /// Whether anybody may introspect the schema.
    pub introspection: bool,
    /// Whether GraphiQL is served at `/graphiql`.
    pub graphiql: bool,
    /// Whether the pages name the demo accounts, as `up --demo` has them.
    pub demo: bool,
    /// Origins of browsers that may use the graph beside the router's own.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies before the router that are believed for whom they ask (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// Operations that clients send by their id.
    pub persisted_documents: PersistedDocuments,
}

/// The object storage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Where the embedded storage listens; `127.0.0.1:9000` where it is left out.
    pub listen: Option<SocketAddr>,
    /// Where the embedded storage's metrics are; `127.0.0.1` and its port + 100 where it is left out.
    pub metrics_listen: Option<SocketAddr>,
    /// The folder of the embedded storage.
    pub directory: Option<PathBuf>,
    /// The endpoint that the services use.
    pub internal_endpoint: Option<String>,
    /// The endpoint that clients reach; the internal one where it is left out.
    pub public_endpoint: Option<String>,
    /// The region; `us-east-1` where it is left out.
    pub region: Option<String>,
    /// The bucket; `imaging` where it is left out.
    pub bucket: Option<String>,
    /// The access key id.
    pub access_key_id: Option<String>,
    /// The secret access key.
    pub secret_access_key: Option<SecretString>,
    /// A file with the secret access key.
    pub secret_access_key_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// Names the key that is not known or has a wrong value, or a limit that bounds nothing or lets nothing through.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("HEALTHBRIDGE").prefix_separator("__").separator("__");
        let environment = environment
            .try_parsing(true)
            // Compose files and charts set what nobody said to nothing.
            .ignore_empty(true)
            .list_separator(",")
            .with_list_parse_key("router.allowed_origins")
            .with_list_parse_key("router.trusted_proxies")
            .with_list_parse_key("subgraphs.patients.trusted_proxies");
        let read = builder.add_source(environment).build().and_then(config::Config::try_deserialize::<Self>);
        let checked = read.map_err(anyhow::Error::new).and_then(|config| {
            bounds::check(&config.query, &config.limits)?;
            config.check_sections()?;
            for listed in &config.router.allowed_origins {
                origin(listed).map_err(|why| anyhow::anyhow!("`router.allowed_origins` has {listed:?}: {why}"))?;
            }
            Ok(config)
        });
        checked.context("the configuration cannot be used")
    }

    /// The issuer of tokens.
    ///
    /// # Errors
    /// When it is left out.
    pub fn issuer(&self) -> anyhow::Result<&str> {
        self.public_url
            .as_deref()
            .context("`public_url` is missing: the deployment's public URL, the same for every role")
    }

    /// Origins of browsers whose pages use the installation: its own, and those that are allowed beside it.
    ///
    /// # Errors
    /// When the public URL is left out or is no URL.
    pub fn origins(&self) -> anyhow::Result<Vec<String>> {
        let own = reqwest::Url::parse(self.issuer()?).context("`public_url` is no URL")?;
        let mut origins = vec![own.origin().ascii_serialization()];
        origins.extend(self.router.allowed_origins.iter().cloned());
        Ok(origins)
    }

    /// Where the keys are published.
    ///
    /// # Errors
    /// When it is left out.
    pub fn jwks_url(&self) -> anyhow::Result<&str> {
        let missing = "`auth.jwks_url` is missing: http://<patients>/.well-known/jwks.json";
        self.auth.jwks_url.as_deref().context(missing)
    }

    /// Where the patients subgraph publishes revocations: beside its keys.
    ///
    /// # Errors
    /// When the keys' URL is left out or is no URL.
    pub fn revocations_url(&self) -> anyhow::Result<String> {
        let keys = reqwest::Url::parse(self.jwks_url()?).context("`auth.jwks_url` is no URL")?;
        Ok(keys.join("/revocations")?.into())
    }

    /// The key of one-time passwords, if there is one.
    ///
    /// # Errors
    /// When its file cannot be read or holds something else.
    pub fn totp_key(&self) -> anyhow::Result<Option<TotpKey>> {
        let auth = &self.auth;
        if auth.totp_key.is_none() && auth.totp_key_file.is_none() {
            return Ok(None);
        }
        let digits = secret("auth.totp_key", auth.totp_key.as_ref(), auth.totp_key_file.as_deref())?;
        TotpKey::from_hex(&digits).context("`auth.totp_key` cannot be used").map(Some)
    }

    /// The networks from which the router asks a subgraph.
    pub fn trusted_proxies(&self, subgraph: Subgraph) -> Vec<IpNet> {
        let loopback =
            || vec![IpNet::from(IpAddr::from([127, 0, 0, 1])), IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))];
        self.subgraph(subgraph).trusted_proxies.clone().unwrap_or_else(loopback)
    }

    /// A subgraph's section.
    pub fn subgraph(&self, subgraph: Subgraph) -> &SubgraphSection {
        static NOTHING_SAID: LazyLock<SubgraphSection> = LazyLock::new(SubgraphSection::default);
        self.subgraphs.get(&subgraph).unwrap_or(&NOTHING_SAID)
    }

    /// What the deployment decides of diagnosis.
    pub fn diagnosis(&self) -> healthbridge_diagnosis::Settings {
        let SubgraphSection { appointments, orders, reports, .. } = self.subgraph(Subgraph::Diagnosis).clone();
        healthbridge_diagnosis::Settings {
            appointments: appointments.unwrap_or_default(),
            orders: orders.unwrap_or_default(),
            reports: reports.unwrap_or_default(),
        }
    }

    /// Where a subgraph listens.
    pub fn subgraph_listen(&self, subgraph: Subgraph) -> SocketAddr {
        let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), subgraph.default_port());
        self.subgraph(subgraph).listen.unwrap_or(default)
    }

    /// Where the metrics are of a router that listens there.
    pub fn router_metrics_listen(&self, listen: SocketAddr) -> SocketAddr {
        metrics_beside(self.router.metrics_listen, listen)
    }

    /// Where a subgraph's metrics are.
    pub fn subgraph_metrics_listen(&self, subgraph: Subgraph) -> SocketAddr {
        metrics_beside(self.subgraph(subgraph).metrics_listen, self.subgraph_listen(subgraph))
    }

    /// Where the embedded storage listens.
    pub fn storage_listen(&self) -> SocketAddr {
        self.storage.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9000)))
    }

    /// Where the embedded storage's metrics are.
    pub fn storage_metrics_listen(&self) -> SocketAddr {
        metrics_beside(self.storage.metrics_listen, self.storage_listen())
    }

    /// Where the router finds a subgraph.
    pub fn subgraph_url(&self, subgraph: Subgraph) -> String {
        let default = || format!("http://{}/graphql", self.subgraph_listen(subgraph));
        self.subgraph(subgraph).url.clone().unwrap_or_else(default)
    }

    /// The database of the owner.
    ///
    /// # Errors
    /// When it is left out or cannot be read.
    pub fn owner_url(&self) -> anyhow::Result<SecretString> {
        secret("database.url", self.database.url.as_ref(), self.database.url_file.as_deref())
    }

    /// The database of a subgraph: its own role's, or the owner's.
    ///
    /// # Errors
    /// When both are left out or cannot be read.
    pub fn database_url(&self, subgraph: Subgraph) -> anyhow::Result<SecretString> {
        match self.own_database_url(subgraph)? {
            Some(own) => Ok(own),
            None => self.owner_url(),
        }
    }

    /// The database of a subgraph's own role, if it has one.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn own_database_url(&self, subgraph: Subgraph) -> anyhow::Result<Option<SecretString>> {
        let section = self.subgraph(subgraph);
        if section.database_url.is_none() && section.database_url_file.is_none() {
            return Ok(None);
        }
        let name = format!("subgraphs.{}.database_url", subgraph.name());
        secret(&name, section.database_url.as_ref(), section.database_url_file.as_deref()).map(Some)
    }

    /// Most connections of a subgraph.
    pub fn max_connections(&self) -> u32 {
        self.database.max_connections.unwrap_or(10)
    }

    /// The keys of the storage.
    ///
    /// # Errors
    /// When one is left out or cannot be read.
    pub fn storage_credentials(&self) -> anyhow::Result<Credentials> {
        let storage = &self.storage;
        let file = storage.secret_access_key_file.as_deref();
        Ok(Credentials {
            access_key_id: storage.access_key_id.clone().context("`storage.access_key_id` is missing")?,
            secret_access_key: secret("storage.secret_access_key", storage.secret_access_key.as_ref(), file)?,
        })
    }

    /// Where the objects are.
    ///
    /// # Errors
    /// When a key is left out.
    pub fn storage_location(&self) -> anyhow::Result<Location> {
        let credentials = self.storage_credentials()?;
        let storage = &self.storage;
        let internal_endpoint = storage.internal_endpoint.clone().context("`storage.internal_endpoint` is missing")?;
        Ok(Location {
            public_endpoint: storage.public_endpoint.clone().unwrap_or_else(|| internal_endpoint.clone()),
            internal_endpoint,
            region: storage.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            bucket: self.bucket().to_owned(),
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
        })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        self.storage.bucket.as_deref().unwrap_or("imaging")
    }
}

/// Metrics are for operators: where nobody says otherwise, only this machine may read them.
fn metrics_beside(configured: Option<SocketAddr>, listen: SocketAddr) -> SocketAddr {
    configured.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port().saturating_add(100))))
}

/// A secret from the configuration or from a file of its own.
fn secret(name: &str, value: Option<&SecretString>, file: Option<&Path>) -> anyhow::Result<SecretString> {
    match (value, file) {
        (Some(_), Some(_)) => bail!("set `{name}` or `{name}_file`, not both"),
        (Some(value), None) => Ok(value.expose_secret().into()),
        (None, Some(file)) => {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok(text.trim_end().into())
        }
        (None, None) => bail!("`{name}` is missing; it can be in a file of its own, `{name}_file`"),
    }
}

/// Reads an origin as browsers send it: scheme, host and port, and nothing behind them.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let read = reqwest::Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
    match read {
        Some(read) if read == text => Ok(read),
        Some(read) if read != "null" => Err(format!("browsers call this origin {read}")),
        _ => Err("this is no origin, such as http://localhost:5173".to_owned()),
    }
}
