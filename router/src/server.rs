//! Starts Hive Router's server. This is its own `router_entrypoint`, but for the configuration, which comes from our
//! settings and not from files and variables of its own.

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    os::fd::AsRawFd,
    path::PathBuf,
};

use anyhow::{Context, anyhow, bail};
use hive_router::{
    PluginRegistry, RouterPaths,
    background_tasks::BackgroundTasksManager,
    build_http_service_config,
    config::parse_yaml_config,
    configure_app_from_config, configure_ntex_app, invoke_shutdown_hooks,
    ntex::{self, SharedCfg, server, web},
    pipeline::{
        long_lived_client_limit::LongLivedClientLimitService, request_identifiers::RequestIdentifiersService,
        request_summary::RequestSummaryService, response_compression::ResponseCompressionService,
    },
    plugins::plugins_service::PluginService,
    telemetry::Telemetry,
};
use tempfile::NamedTempFile;

use crate::{SUPERGRAPH, Settings, metrics, plugin::HealthBridge};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Runs the router until SIGTERM or SIGINT. It starts a runtime of its own: call it from a plain thread.
///
/// # Errors
/// When the supergraph or the configuration cannot be used, the keys cannot be had, or the address is taken.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    for variable in ["HOST", "PORT"] {
        if std::env::var_os(variable).is_some() {
            bail!("unset the environment variable {variable}: it would override the address in the configuration");
        }
    }
    let (supergraph, _supergraph_file) = match &settings.supergraph {
        Some(path) => (std::path::absolute(path)?, None),
        None => file_of_own("supergraph-", SUPERGRAPH).map(|(path, open)| (path, Some(open)))?,
    };
    let documents = settings.persisted_documents.read(settings.supergraph.is_none())?;
    let (manifest, _manifest_file) = file_of_own("persisted-documents-", &serde_json::to_string(&documents)?)?;
    let [supergraph, manifest] =
        [&supergraph, &manifest].map(|path| path.to_str().with_context(|| format!("{} is not UTF-8", path.display())));
    let config = parse_yaml_config(settings.hive(supergraph?, manifest?).to_string())?.into_static();
    ntex::rt::System::new("router", ntex::rt::DefaultRuntime).block_on(serve(config, settings))
}

/// A text as a file that can be read as long as it is open. On Linux it has no name of its own: nothing is left of it,
/// however the router ends.
fn file_of_own(prefix: &str, text: &str) -> io::Result<(PathBuf, NamedTempFile)> {
    let mut file = NamedTempFile::with_prefix(prefix)?;
    file.write_all(text.as_bytes())?;
    if cfg!(not(target_os = "linux")) {
        return Ok((file.path().to_owned(), file));
    }
    fs::remove_file(file.path())?;
    Ok((format!("/proc/self/fd/{}", file.as_raw_fd()).into(), file))
}

async fn serve(config: &'static hive_router::config::HiveRouterConfig, settings: Settings) -> anyhow::Result<()> {
    let telemetry = Telemetry::init_global(config)?;
    let prometheus = telemetry.prometheus.as_ref().and_then(hive_router::telemetry::PrometheusRuntime::to_attached);
    if let (Some(listen), Some(prometheus)) = (settings.metrics_listen, prometheus) {
        metrics::serve(listen, prometheus.registry)?;
    }
    let mut tasks = BackgroundTasksManager::new();
    let registry = PluginRegistry::new().register::<HealthBridge>();
    let configured = configure_app_from_config(config, telemetry.context.clone(), &mut tasks, registry).await;
    // Its error cannot leave the thread, as ours must.
    let (shared_state, schema_state) = configured.map_err(|error| anyhow!("{error}"))?;
    let paths = RouterPaths::new(config.graphql_path().to_owned(), config.websocket_path().map(str::to_owned), None);
    paths.detect_conflicts(&None).map_err(|error| anyhow!("{error}"))?;
    let listener = listen(&settings)?;
    let long_lived = LongLivedClientLimitService::new(config);
    let compression = ResponseCompressionService::new(config);
    let state = shared_state.clone();
    let server = web::HttpServer::new(async move || {
        let paths = paths.clone();
        web::App::new()
            .middleware(long_lived.clone())
            .middleware(PluginService::new(paths.clone(), None))
            .middleware(RequestSummaryService::new(&paths.graphql))
            .middleware(RequestIdentifiersService)
            .middleware(compression.clone())
            .state(state.clone())
            .state(schema_state.clone())
            .state(state.telemetry_context.clone())
            .state(schema_state.callback_subscriptions.clone())
            .configure(|app| configure_ntex_app(app, &paths, None))
            // What the plugin has not answered is nowhere.
            .default_service(web::to(async || web::HttpResponse::NotFound()))
    });
    let server = server
        // Without it the settings of `traffic_shaping.router` and the largest header are not those of the configuration.
        .config(SharedCfg::new("HEALTHBRIDGE").add(build_http_service_config(config)))
        .shutdown_timeout(config.shutdown_timeout())
        // The engine stops listening when it has so many, and would look as if it hung: it must never come to that.
        .maxconn(settings.limits.connections.saturating_mul(16))
        .listen(listener)?
        .run();
    // Running the server has set a handler that comes back to the faulty instruction for ever.
    healthbridge_process::end_on_fault();
    server.await?;
    tasks.graceful_shutdown().await;
    telemetry.graceful_shutdown().await;
    invoke_shutdown_hooks(&shared_state).await;
    Ok(())
}

/// Connections inherit what is set on their listener. The engine has no deadline for a client that does not read its answer;
/// the system has one, for as long as what is sent is not acknowledged or not let in. Only Linux has it.
fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    let address = settings.listen;
    let listener = server::create_tcp_listener(address, BACKLOG);
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    #[cfg(target_os = "linux")]
    {
        let deadline = settings.limits.stall_timeout_ms.try_into()?;
        rustix::net::sockopt::set_tcp_user_timeout(&listener, deadline)?;
    }
    Ok(listener)
}
