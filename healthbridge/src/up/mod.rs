//! `healthbridge up`: everything on one machine. The subgraphs and the storage run in this process, PostgreSQL and the
//! router as its children.

mod data_dir;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use healthbridge_auth::{KeyRing, SigningKeys, Verifier};
use healthbridge_objectstore::ObjectStore;
use healthbridge_postgres::Embedded;
use healthbridge_process::{Child, StopSignal};
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::data_dir::DataDir;
use crate::{
    Config, SUBGRAPHS, Subgraph,
    cli::UpArgs,
    roles::{self, Part},
    seed,
};

/// How far the storage's port is from the router's.
const STORAGE_OFFSET: u16 = 1000;

/// How far the port of the metrics of subgraphs and storage is from the router's.
const METRICS_OFFSET: u16 = 1002;

/// Everything stops within five seconds: first the router, then the subgraphs, then the database.
const ROUTER_PATIENCE: Duration = Duration::from_millis(1500);
const DATABASE_PATIENCE: Duration = Duration::from_secs(1);
const PARTS_PATIENCE_MS: u64 = 1500;

/// How long the router may take to load the supergraph.
const ROUTER_START: Duration = Duration::from_secs(30);

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
    let data_dir = DataDir::open(&args.data_dir)?;
    let listeners = Listeners::bind(&args).await?;
    healthbridge_telemetry::start_metrics();
    let mut database = Embedded::start(&data_dir.postgres()).await?;
    let started = tokio::select! {
        started = start(&args, &data_dir, listeners, &database) => started.map(Some),
        // What was started so far ends with its handles.
        () = roles::stop_signal() => Ok(None),
    };
    let ran = match started {
        Ok(Some(running)) => running.until_stopped(&mut database).await,
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
    router: Child,
    parts: Parts,
}

impl Running {
    /// Waits for Ctrl-C or SIGTERM, or until a part ends by itself; then stops all parts in order.
    async fn until_stopped(mut self, database: &mut Embedded) -> anyhow::Result<()> {
        let ended = tokio::select! {
            () = roles::stop_signal() => Ok(()),
            _ = database.wait() => Err(anyhow!("PostgreSQL has ended; its log is postgres/postgres.log in the data directory")),
            _ = self.router.wait() => Err(anyhow!("the router has ended")),
            failed = self.parts.failed() => Err(failed),
        };
        let stopped = self.router.stop(ROUTER_PATIENCE).await.context("the router did not stop");
        self.parts.stop().await;
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
    let pool = |subgraph: Subgraph| {
        let options = database.options().clone().username(&role_of(subgraph));
        healthbridge_postgres::pool(options, config.max_connections())
    };
    let router_address = listeners.router;
    let parts = Parts::start(&config, data_dir, listeners, pool).await?;
    if args.demo {
        seed::demo(&parts.pools, &parts.objects).await.context("the demo data cannot be loaded")?;
    }
    let router = start_router(&config, router_address).await?;
    print_summary(args, &config, router_address);
    Ok(Running { router, parts })
}

/// The database's role of a subgraph.
fn role_of(subgraph: Subgraph) -> String {
    format!("healthbridge_{}", subgraph.name())
}

/// The configuration that the roles would have.
fn configure(args: &UpArgs, data_dir: &DataDir, listeners: &Listeners) -> anyhow::Result<Config> {
    let mut config = Config { limits: Config::read(None)?.limits, ..Config::default() };
    config.limits.drain_timeout_ms = config.limits.drain_timeout_ms.min(PARTS_PATIENCE_MS);
    let router = listeners.router;
    config.public_url = Some(args.public_url.clone().unwrap_or_else(|| format!("http://{router}")));
    config.router.listen = Some(router);
    config.router.introspection = true;
    config.router.graphiql = true;
    let sections = &mut config.subgraphs;
    let in_order = [&mut sections.patients, &mut sections.imaging, &mut sections.diagnosis, &mut sections.billing];
    for (section, (_, listener)) in in_order.into_iter().zip(&listeners.subgraphs) {
        section.listen = Some(listener.local_addr()?);
        section.introspection = true;
    }
    let patients = config.subgraph_listen(Subgraph::Patients);
    config.auth.jwks_url = Some(format!("http://{patients}/.well-known/jwks.json"));
    let credentials = data_dir.storage_credentials()?;
    config.storage.internal_endpoint = Some(format!("http://{}", listeners.storage.local_addr()?));
    config.storage.access_key_id = Some(credentials.access_key_id);
    config.storage.secret_access_key = Some(credentials.secret_access_key);
    config.auth.totp_key = Some(data_dir.totp_key()?);
    Ok(config)
}

/// The subgraphs and the storage, in this process.
struct Parts {
    running: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    pools: seed::Pools,
    objects: ObjectStore,
}

impl Parts {
    async fn start(
        config: &Config,
        data_dir: &DataDir,
        listeners: Listeners,
        pool: impl Fn(Subgraph) -> PgPool,
    ) -> anyhow::Result<Self> {
        let signing = Arc::new(SigningKeys::open_or_create(&data_dir.signing_key())?);
        // The signing keys are at hand: no part of this process needs to ask for their public halves.
        let verifier = Verifier::new(Arc::new(KeyRing::own(signing.clone())?), Arc::default(), config.issuer()?);
        let store = roles::open_store(&data_dir.storage(), config.bucket()).await?;
        let objects = ObjectStore::new(&config.storage_location()?);
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let (credentials, limits, stopped) = (config.storage_credentials()?, config.limits.clone(), stop.clone());
        running.spawn(async move {
            roles::serve_storage(listeners.storage, store, &credentials, limits, stopped).await;
            Ok(())
        });
        let stopped = stop.clone();
        running.spawn(async move {
            roles::serve_metrics(listeners.metrics, stopped).await;
            Ok(())
        });
        let pools = seed::Pools {
            patients: pool(Subgraph::Patients),
            imaging: pool(Subgraph::Imaging),
            diagnosis: pool(Subgraph::Diagnosis),
            billing: pool(Subgraph::Billing),
        };
        let (kept, revocations_url, stopped) = (verifier.clone(), config.revocations_url()?, stop.clone());
        running.spawn(async move {
            tokio::select! {
                polled = kept.keep_fresh(&revocations_url) => Ok(polled?),
                () = stopped.cancelled() => Ok(()),
            }
        });
        for (subgraph, listener) in listeners.subgraphs {
            let part = Part {
                pool: pools.of(subgraph).clone(),
                verifier: verifier.clone(),
                signing: Some(signing.clone()),
                objects: Some(objects.clone()),
            };
            let (config, stop) = (config.clone(), stop.clone());
            running.spawn(async move { roles::run_subgraph(&config, subgraph, part, listener, stop).await });
        }
        Ok(Self { running, stop, pools, objects })
    }

    /// Waits until a part ends by itself, which none should.
    async fn failed(&mut self) -> anyhow::Error {
        match self.running.join_next().await {
            Some(Ok(Err(error))) => error,
            _ => anyhow!("a part has ended"),
        }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}

/// Starts the router as a child and waits until it answers. Its configuration is in its environment.
async fn start_router(config: &Config, address: SocketAddr) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("router").stdin(Stdio::null()).stdout(Stdio::null());
    command.env_remove("HEALTHBRIDGE_CONFIG").env_remove("HOST").env_remove("PORT");
    let set = |command: &mut Command, key: &str, value: &str| {
        command.env(format!("HEALTHBRIDGE__{key}"), value);
    };
    set(&mut command, "PUBLIC_URL", config.issuer()?);
    set(&mut command, "AUTH__JWKS_URL", config.jwks_url()?);
    set(&mut command, "ROUTER__LISTEN", &address.to_string());
    set(&mut command, "ROUTER__INTROSPECTION", "true");
    set(&mut command, "ROUTER__GRAPHIQL", "true");
    for subgraph in SUBGRAPHS {
        let key = format!("SUBGRAPHS__{}__URL", subgraph.name().to_uppercase());
        set(&mut command, &key, &config.subgraph_url(subgraph));
    }
    let mut router = Child::spawn("router", command, StopSignal::Terminate).context("the router does not start")?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
    let deadline = Instant::now() + ROUTER_START;
    while Instant::now() < deadline {
        if let Some(status) = router.try_wait()? {
            bail!("the router has ended while it started ({status}); its reason is above");
        }
        let answer = client.get(format!("http://{address}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(router);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the router does not answer")
}

fn print_summary(args: &UpArgs, config: &Config, router: SocketAddr) {
    println!();
    println!("HealthBridge is up. Its data is in {}.", args.data_dir.display());
    println!("  start here  http://{router}/");
    println!("  GraphiQL    http://{router}/graphiql");
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
