//! The roles that run alone. `up` starts the same ones side by side.

mod admin;
mod patience;
mod prepare;
mod serve;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use healthbridge_auth::{KeyRing, SigningKeys, Verifier};
use healthbridge_graphql::Exposure;
use healthbridge_listener::{Face, Limits, serve};
use healthbridge_objectstore::ObjectStore;
use healthbridge_router::Settings;
use healthbridge_telemetry::{LogFormat, causes};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use admin::{
    check_config, create_admin, database, has_admin, migrate, provision, rotate_keys, rotate_report_keys,
    verify_billing, verify_workflow_log,
};
pub(crate) use prepare::prepare_storage;
use serve::stop_signal;
pub(crate) use serve::{bind, serve_metrics, stop_on_signal};

use crate::{Config, SUBGRAPHS, Subgraph, at_rest, portable, subgraphs::Means};

/// Runs the router until it is stopped.
pub(crate) fn router(
    config: &Config,
    supergraph: Option<PathBuf>,
    listen: Option<SocketAddr>,
    insecure_no_auth: bool,
) -> anyhow::Result<()> {
    let auth = match (insecure_no_auth, &config.auth.jwks_url) {
        (true, _) => None,
        (false, Some(jwks_url)) => {
            wait_for_keys(jwks_url, config.log_format)?;
            Some(healthbridge_router::Auth {
                issuer: config.issuer()?.to_owned(),
                jwks_url: jwks_url.clone(),
                revocations_url: config.revocations_url()?,
                report_keys_url: config.report_keys_url()?,
            })
        }
        (false, None) => bail!(
            "the router enforces no scopes without keys: set `auth.jwks_url` and `public_url`, or, for a graph without \
             patients' data, give --insecure-no-auth"
        ),
    };
    let supergraph = supergraph.or_else(|| config.router.supergraph.clone());
    // Another graph has other subgraphs, whose URLs are in it.
    let own = supergraph.is_none();
    let urls = SUBGRAPHS.iter().filter(|_| own || auth.is_some()).map(|subgraph| healthbridge_router::Subgraph {
        name: subgraph.name().to_owned(),
        url: config.subgraph_url(*subgraph),
    });
    let listen = listen.or(config.router.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000)));
    healthbridge_router::run(Settings {
        listen,
        log_format: config.log_format,
        subgraphs: urls.collect(),
        supergraph,
        auth,
        introspection: config.router.introspection,
        graphiql: config.router.graphiql,
        demo: config.router.demo.then(crate::seed::pages),
        allowed_origins: config.router.allowed_origins.clone(),
        trusted_proxies: config.router.trusted_proxies.clone(),
        persisted_documents: config.router.persisted_documents.clone(),
        metrics_listen: Some(config.router_metrics_listen(listen)),
        query: config.query,
        limits: config.limits.clone(),
    })
}

/// A router that starts before it can have the keys would refuse every token for a while: it waits instead.
fn wait_for_keys(jwks_url: &str, log_format: LogFormat) -> anyhow::Result<()> {
    // The engine starts the log of the whole process later on.
    let _log = healthbridge_telemetry::log_of_this_thread(log_format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let keys = KeyRing::remote(jwks_url)?;
        let mut told = false;
        while let Err(error) = keys.refresh().await {
            if !told {
                tracing::info!(error = causes(&error), "waiting for the keys at {jwks_url}");
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
                () = stop_signal() => bail!("stopped while waiting for the keys"),
            }
        }
        Ok(())
    })
}

/// Runs one subgraph until it is stopped.
pub(crate) async fn subgraph(config: &Config, subgraph: Subgraph) -> anyhow::Result<()> {
    healthbridge_telemetry::start_metrics();
    let url = config.database_url(subgraph)?;
    let options =
        healthbridge_postgres::connect_options(url.expose_secret()).context("the database's URL cannot be read")?;
    let pool = healthbridge_postgres::pool(options, config.max_connections());
    let signing = match subgraph {
        Subgraph::Patients => {
            let file = config.auth.signing_key_file.as_deref().context("`auth.signing_key_file` is missing")?;
            Some(Arc::new(SigningKeys::open_or_create(file)?))
        }
        _ => None,
    };
    let keys = match &signing {
        Some(signing) => KeyRing::own(signing.clone())?,
        None => KeyRing::remote(config.jwks_url()?)?,
    };
    let listener = bind(config.subgraph_listen(subgraph)).await?;
    let metrics = bind(config.subgraph_metrics_listen(subgraph)).await?;
    let stop = stop_on_signal();
    let verifier = Verifier::new(Arc::new(keys), Arc::default(), config.issuer()?);
    let objects = if subgraph.has_objects() { Some(ObjectStore::new(&config.storage_location()?)) } else { None };
    let means = Means { pool, signing, objects, verifier: verifier.clone() };
    tracing::info!("subgraph {} listens on {}", subgraph.name(), listener.local_addr()?);
    let revocations_url = config.revocations_url()?;
    tokio::spawn(serve_metrics(metrics, stop.clone()));
    tokio::select! {
        ran = run_subgraph(config, subgraph, means, verifier.clone(), listener, stop) => ran,
        kept = verifier.keep_fresh(&revocations_url) => Ok(kept?),
    }
}

/// How long the database may take to say goodbye.
const CLOSE: Duration = Duration::from_millis(500);

/// Serves a subgraph and does its jobs, until `stop`. The verifier is kept fresh by the caller, who may share it.
pub(crate) async fn run_subgraph(
    config: &Config,
    subgraph: Subgraph,
    means: Means,
    verifier: Verifier,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let exposure = Exposure {
        introspection: config.subgraph(subgraph).introspection,
        trusted_proxies: config.trusted_proxies(subgraph),
        limits: config.query.behind_router(),
    };
    let pool = means.pool.clone();
    let opened = subgraph.open(config, means)?;
    let listening = healthbridge_listener::Part { name: subgraph.name(), face: Face::Graphql };
    tokio::select! {
        () = serve(listener, opened.routes(verifier, exposure), listening, config.limits.clone(), stop) => {}
        () = opened.work() => {}
    }
    // What did not end in its time keeps its connection: it is not waited for twice.
    drop(tokio::time::timeout(CLOSE, pool.close()).await);
    Ok(())
}

/// Runs the embedded storage until it is stopped.
pub(crate) async fn storage(config: &Config) -> anyhow::Result<()> {
    healthbridge_telemetry::start_metrics();
    let directory = config.storage.directory.as_deref().context("`storage.directory` is missing")?;
    let listener = bind(config.storage_listen()).await?;
    let metrics = bind(config.storage_metrics_listen()).await?;
    let store = open_store(directory, config.bucket()).await?;
    // Earlier versions and people leave files that others may read.
    let folder = directory.to_owned();
    let closed = tokio::task::spawn_blocking(move || at_rest::close_content(&folder)).await?;
    closed.with_context(|| format!("cannot close {} to others", directory.display()))?;
    let credentials = config.storage_credentials()?;
    let stop = stop_on_signal();
    tracing::info!("storage listens on {}", listener.local_addr()?);
    tokio::spawn(serve_metrics(metrics, stop.clone()));
    serve_storage(listener, store, &credentials, config.limits.clone(), stop).await;
    Ok(())
}

/// Serves the embedded storage until `stop`.
pub(crate) async fn serve_storage(
    listener: TcpListener,
    store: healthbridge_storage::Store,
    credentials: &healthbridge_storage::Credentials,
    limits: Limits,
    stop: CancellationToken,
) {
    let part = healthbridge_listener::Part { name: "storage", face: Face::Objects };
    serve(listener, healthbridge_storage::routes(store, credentials), part, limits, stop).await;
}

/// Opens the folder of the embedded storage.
pub(crate) async fn open_store(directory: &Path, bucket: &str) -> anyhow::Result<healthbridge_storage::Store> {
    let opened = healthbridge_storage::Store::open(directory, bucket).await;
    opened.with_context(|| format!("cannot use {} as the storage", directory.display()))
}

/// Writes the subgraphs' SDL into a folder, and what other routers take below it.
pub(crate) fn schema(folder: &Path) -> anyhow::Result<()> {
    let others = folder.join("portable");
    fs::create_dir_all(&others).with_context(|| format!("cannot make {}", others.display()))?;
    let write =
        |file: PathBuf, sdl: &str| fs::write(&file, sdl).with_context(|| format!("cannot write {}", file.display()));
    for subgraph in SUBGRAPHS {
        let (name, sdl) = (format!("{}.graphql", subgraph.name()), (subgraph.description().sdl)());
        write(folder.join(&name), &sdl)?;
        write(others.join(&name), &portable::sdl(&sdl))?;
    }
    Ok(())
}
