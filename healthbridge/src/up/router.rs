//! The router: a child process of the same program.

use std::{
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use healthbridge_process::{Child, StopSignal};

use super::supervise::{Probe, Supervised};
use crate::{Config, SUBGRAPHS};

/// How long it may take to load the supergraph.
const START: Duration = Duration::from_secs(30);

/// How far the port of its metrics is from its own.
const METRICS_OFFSET: u16 = 1001;

/// The router, running or not.
pub(super) struct Router {
    config: Config,
    address: SocketAddr,
    probe: Probe,
    child: Child,
}

impl Router {
    /// Starts it and waits until it and all that it asks answer.
    pub(super) async fn start(config: &Config, address: SocketAddr) -> anyhow::Result<Self> {
        let child = spawn(config, address)?;
        let mut router = Self { config: config.clone(), address, probe: Probe::http(address)?, child };
        router.answers().await?;
        router.is_ready().await?;
        Ok(router)
    }

    /// Waits until it answers for itself.
    async fn answers(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            status = self.child.wait() => bail!("it has ended while it started ({}); its reason is above", status?),
            answered = self.probe.answered(START) => answered.context("the router does not answer"),
        }
    }

    /// Waits until all that it asks are ready.
    async fn is_ready(&mut self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).no_proxy().build()?;
        let url = format!("http://{}/readyz", self.address);
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the router is not ready")
    }

    /// Stops it, and kills it when it does not stop in time.
    pub(super) async fn stop(self, patience: Duration) -> std::io::Result<()> {
        self.child.stop(patience).await
    }
}

impl Supervised for Router {
    fn name(&self) -> &'static str {
        "the router"
    }

    fn probe(&self) -> Option<Probe> {
        Some(self.probe.clone())
    }

    async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("has ended ({status})"),
            Err(error) => format!("cannot be waited for ({error})"),
        }
    }

    async fn start_again(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        self.child = spawn(&self.config, self.address)?;
        // Whether the others are ready is not its fault: it would be started for nothing while the database is away.
        self.answers().await
    }
}

/// Its configuration is in its environment; what `up` takes from its own, the router finds there, too.
fn spawn(config: &Config, address: SocketAddr) -> anyhow::Result<Child> {
    let mut command = this_program()?;
    command.arg("router").stdin(Stdio::null()).stdout(Stdio::null());
    command.env_remove("HEALTHBRIDGE_CONFIG").env_remove("HOST").env_remove("PORT");
    let set = |command: &mut Command, key: &str, value: &str| {
        command.env(format!("HEALTHBRIDGE__{key}"), value);
    };
    set(&mut command, "PUBLIC_URL", config.issuer()?);
    set(&mut command, "AUTH__JWKS_URL", config.jwks_url()?);
    set(&mut command, "ROUTER__LISTEN", &address.to_string());
    // Beside the storage's port, and for this machine alone.
    set(&mut command, "ROUTER__METRICS_LISTEN", &format!("127.0.0.1:{}", address.port() + METRICS_OFFSET));
    set(&mut command, "ROUTER__INTROSPECTION", "true");
    set(&mut command, "ROUTER__GRAPHIQL", "true");
    set(&mut command, "ROUTER__DEMO", &config.router.demo.to_string());
    if !config.router.allowed_origins.is_empty() {
        set(&mut command, "ROUTER__ALLOWED_ORIGINS", &config.router.allowed_origins.join(","));
    }
    if !config.router.trusted_proxies.is_empty() {
        let networks: Vec<String> = config.router.trusted_proxies.iter().map(ToString::to_string).collect();
        set(&mut command, "ROUTER__TRUSTED_PROXIES", &networks.join(","));
    }
    for subgraph in SUBGRAPHS {
        let key = format!("SUBGRAPHS__{}__URL", subgraph.name().to_uppercase());
        set(&mut command, &key, &config.subgraph_url(subgraph));
    }
    Child::spawn("router", command, StopSignal::Terminate).context("the router cannot be started")
}

/// The program that runs, even when another version was put in its place meanwhile: both must be of one version.
fn this_program() -> std::io::Result<Command> {
    let name = std::env::current_exe()?;
    let running = Path::new("/proc/self/exe");
    let mut command = Command::new(if running.exists() { running } else { &name });
    command.arg0(&name);
    Ok(command)
}
