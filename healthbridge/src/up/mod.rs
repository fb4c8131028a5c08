//! `healthbridge up`: everything on one machine. The subgraphs and the storage run in this process, PostgreSQL and the
//! router as its children.

mod data_dir;
mod database;
mod parts;
mod restarts;
mod router;
mod supervise;
mod tasks;

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, bail};
use healthbridge_postgres::Embedded;
use ipnet::IpNet;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use self::data_dir::checkpoints;
use self::{data_dir::DataDir, parts::Parts, router::Router, supervise::supervise};
use crate::{Config, SUBGRAPHS, Subgraph, cli::UpArgs, roles, seed};

/// How far the storage's port is from the router's.
const STORAGE_OFFSET: u16 = 1000;

/// How far the port of the metrics of subgraphs and storage is from the router's.
const METRICS_OFFSET: u16 = 1002;

/// Everything stops within five seconds: first the router, then the subgraphs, then the database.
const ROUTER_PATIENCE: Duration = Duration::from_millis(1500);
const PARTS_PATIENCE: Duration = Duration::from_millis(2200);
const DATABASE_PATIENCE: Duration = Duration::from_secs(1);
/// Within their patience, parts end what has begun.
const DRAIN_MS: u64 = 1500;

/// The database of an `up` that runs with this data directory, for a command beside it.
pub(crate) fn running_database(data_dir: &Path) -> anyhow::Result<PgPool> {
    let options = Embedded::running(&data_dir.join("postgres"));
    let options = options.with_context(|| format!("no `healthbridge up` runs with {}", data_dir.display()))?;
    Ok(healthbridge_postgres::pool(options, 2))
}

/// Runs everything until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    if args.demo && !args.host.is_loopback() {
        bail!("--demo makes accounts whose password everybody knows: it is for loopback addresses only");
    }
    let path = args.data_dir.clone();
    // It looks at every file.
    let data_dir = tokio::task::spawn_blocking(move || DataDir::open(&path)).await??;
    let listeners = Listeners::bind(&args).await?;
    healthbridge_telemetry::start_metrics();
    let mut database = Embedded::start(&data_dir.postgres()).await?;
    // One ear for the whole time: a signal between two would be lost.
    let stop = roles::stop_on_signal();
    let started = tokio::select! {
        started = start(&args, &data_dir, listeners, &database) => started.map(Some),
        // What was started so far ends with its handles.
        () = stop.cancelled() => Ok(None),
    };
    let ran = match started {
        Ok(Some(running)) => running.until_stopped(&mut database, &stop).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let stopped = database.stop(DATABASE_PATIENCE).await.context("PostgreSQL did not stop");
    ran.and(stopped)
}

/// The addresses of the parts, taken before anything else is done.
struct Listeners {
    router: SocketAddr,
    subgraphs: Vec<(Subgraph, TcpListener)>,
    storage: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    async fn bind(args: &UpArgs) -> anyhow::Result<Self> {
        let at = |offset: u16| SocketAddr::new(args.host, args.base_port + offset);
        // The router binds in its own process: this only says early that the port is taken.
        drop(roles::bind(at(0)).await?);
        let mut subgraphs = Vec::new();
        for (subgraph, offset) in SUBGRAPHS.into_iter().zip(1..) {
            subgraphs.push((subgraph, roles::bind(at(offset)).await?));
        }
        let storage = roles::bind(at(STORAGE_OFFSET)).await?;
        // Only for this machine, whoever may reach the rest.
        let metrics = roles::bind(SocketAddr::from(([127, 0, 0, 1], args.base_port + METRICS_OFFSET))).await?;
        Ok(Self { router: at(0), subgraphs, storage, metrics })
    }
}

/// Everything on the database.
struct Running {
    router: Router,
    parts: Parts,
}

impl Running {
    /// Looks after all parts until Ctrl-C or SIGTERM, or until one cannot be kept running; then stops all in order.
    async fn until_stopped(mut self, database: &mut Embedded, stop: &CancellationToken) -> anyhow::Result<()> {
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            reason = supervise(database) => Err(reason),
            reason = supervise(&mut self.router) => Err(reason),
            reason = self.parts.supervise() => Err(reason),
        };
        let stopped = self.router.stop(ROUTER_PATIENCE).await.context("the router did not stop");
        self.parts.stop(PARTS_PATIENCE).await;
        ended.and(stopped)
    }
}

async fn start(
    args: &UpArgs,
    data_dir: &DataDir,
    listeners: Listeners,
    database: &Embedded,
) -> anyhow::Result<Running> {
    let config = configure(args, data_dir, &listeners)?;
    for subgraph in SUBGRAPHS {
        let role = role_of(subgraph);
        roles::provision(database.options(), subgraph, Some((&role, None))).await?;
    }
    let router_address = listeners.router;
    let parts = Parts::start(&config, data_dir, listeners, database.options()).await?;
    if args.demo {
        parts.seed_demo().await.context("the demo data cannot be loaded")?;
    }
    let router = Router::start(&config, router_address).await?;
    print_summary(args, &config, router_address);
    Ok(Running { router, parts })
}

/// The database's role of a subgraph.
fn role_of(subgraph: Subgraph) -> String {
    format!("healthbridge_{}", subgraph.name())
}

/// The configuration that the roles would have.
fn configure(args: &UpArgs, data_dir: &DataDir, listeners: &Listeners) -> anyhow::Result<Config> {
    let Config { query, limits, router, mut subgraphs, .. } = Config::read(None)?;
    let mut config = Config { query, limits, ..Config::default() };
    config.router.persisted_documents = router.persisted_documents;
    config.limits.drain_timeout_ms = config.limits.drain_timeout_ms.min(DRAIN_MS);
    let router = listeners.router;
    config.public_url = Some(args.public_url.clone().unwrap_or_else(|| format!("http://{router}")));
    config.router.listen = Some(router);
    config.router.introspection = true;
    config.router.graphiql = true;
    config.router.demo = args.demo;
    config.router.trusted_proxies.clone_from(&args.trusted_proxies);
    config.router.allowed_origins.clone_from(&args.allowed_origins);
    for (subgraph, listener) in &listeners.subgraphs {
        let section = config.subgraphs.entry(*subgraph).or_default();
        section.listen = Some(listener.local_addr()?);
        section.introspection = true;
    }
    for subgraph in SUBGRAPHS {
        config.subgraphs.entry(subgraph).or_default().checkpoints = data_dir.checkpoints(subgraph);
    }
    // What the environment decides of diagnosis, but for the keys, which are with all the others.
    let said = subgraphs.remove(&Subgraph::Diagnosis).unwrap_or_default();
    let mut reports = said.reports.unwrap_or_default();
    reports.signing_key_file = Some(data_dir.report_signing_key());
    let diagnosis = config.subgraphs.entry(Subgraph::Diagnosis).or_default();
    diagnosis.reports = Some(reports);
    diagnosis.orders = said.orders;
    diagnosis.appointments = said.appointments;
    // The router asks from this very address, where it is not one of loopback.
    let mut from = config.trusted_proxies(Subgraph::Patients);
    from.push(IpNet::from(args.host));
    config.subgraphs.entry(Subgraph::Patients).or_default().trusted_proxies = Some(from);
    let patients = config.subgraph_listen(Subgraph::Patients);
    config.auth.jwks_url = Some(format!("http://{patients}/.well-known/jwks.json"));
    let credentials = data_dir.storage_credentials()?;
    config.storage.internal_endpoint = Some(format!("http://{}", listeners.storage.local_addr()?));
    config.storage.access_key_id = Some(credentials.access_key_id);
    config.storage.secret_access_key = Some(credentials.secret_access_key);
    config.auth.totp_key = Some(data_dir.totp_key()?);
    Ok(config)
}

fn print_summary(args: &UpArgs, config: &Config, router: SocketAddr) {
    println!();
    println!("HealthBridge is up. Its data is in {}.", args.data_dir.display());
    println!("  start here  http://{router}/");
    if !config.router.persisted_documents.require_id {
        println!("  GraphiQL    http://{router}/graphiql");
    }
    for subgraph in SUBGRAPHS {
        println!("  {:<10}  {}", subgraph.name(), config.subgraph_url(subgraph));
    }
    if let Some(storage) = &config.storage.internal_endpoint {
        println!("  storage     {storage}");
    }
    if args.demo {
        println!("Sign in as admin@, doctor@, radiologist@, clerk@, auditor@ or patient@demo.healthbridge.test,");
        println!("password {}. The first patient's id is {}.", seed::DEMO_PASSWORD, seed::first_patient());
    }
    println!("Ctrl-C stops everything.");
    println!();
    println!("ready http://{router}/graphql");
}
