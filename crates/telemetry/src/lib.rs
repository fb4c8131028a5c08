//! Logs and metrics of a process: one subscriber, one recorder.
//!
//! Belongs here: starting them and rendering metrics. Does not belong here: what a part logs or counts.
//! Logs carry ids, never names, birth dates, report text, tokens or presigned URLs.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line, for collectors.
    Json,
}

/// What is logged where nobody says otherwise. The last ones write a line for each request that they refuse or that waits:
/// whoever floods us would fill the disk. Their warnings are counted instead ([`Loud`]).
const DEFAULT_FILTER: &str = "info,sqlx=warn,s3s=off,sqlx::pool=off,sqlx::query=off";

/// Starts the log on standard error. `HEALTHBRIDGE_LOG` filters it, in the syntax of `tracing`; the default is `info` without
/// what others cause in a flood. A second call does nothing.
pub fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("HEALTHBRIDGE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let counted = Loud.with_filter(filter_fn(|metadata| loud(metadata).is_some()));
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(counted).try_init();
    // A test harness may have set a subscriber of its own: its choice stands.
    drop(started);
}

/// Counts the warnings and errors of libraries that others can make as many of as they like.
struct Loud;

impl<S: Subscriber> Layer<S> for Loud {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(library) = loud(event.metadata()) {
            metrics::counter!("healthbridge_library_warnings_total", "library" => library).increment(1);
        }
    }
}

/// The library whose warning or error this is, if it is one of the loud ones.
fn loud(metadata: &Metadata<'_>) -> Option<&'static str> {
    let library = metadata.target().split("::").next().unwrap_or_default();
    let known = ["s3s", "sqlx"].into_iter().find(|known| *known == library);
    known.filter(|_| *metadata.level() <= Level::WARN)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_say_in_a_flood_is_counted_and_not_written() {
        start_metrics();
        start_log(LogFormat::Text);
        for _ in 0..3 {
            tracing::error!(target: "s3s::ops", "failed to prepare");
            tracing::warn!(target: "sqlx::pool::acquire", "acquired connection, but time to acquire exceeded slow threshold");
            tracing::info!(target: "s3s::ops", "nothing to count");
        }
        let page = render_metrics();
        assert!(page.contains("healthbridge_library_warnings_total{library=\"s3s\"} 3"), "{page}");
        assert!(page.contains("healthbridge_library_warnings_total{library=\"sqlx\"} 3"), "{page}");
    }
}
