//! Logs and metrics of a process: one subscriber, one recorder.
//!
//! Belongs here: starting them and rendering metrics. Does not belong here: what a part logs or counts.
//! Logs carry ids, never names, birth dates, report text, tokens or presigned URLs.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line, for collectors.
    Json,
}

/// Starts the log on standard error. `HEALTHBRIDGE_LOG` filters it, in the syntax of `tracing`; the default is `info`.
/// A second call does nothing.
pub fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("HEALTHBRIDGE_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // A test harness may have set a subscriber of its own: its choice stands.
    drop(started);
}

/// The metrics of this process in Prometheus' text format.
pub fn render_metrics() -> String {
    recorder().render()
}

/// Starts the recorder; what is counted before is lost.
pub fn start_metrics() {
    recorder();
}

fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Set by nobody else; were it so, this handle would render an empty page.
        drop(metrics::set_global_recorder(recorder));
        handle
    })
}
