//! Logs and metrics of a process: one subscriber, one recorder.
//!
//! Belongs here: starting them, rendering metrics, and how an error is written. Does not belong here: what a part logs or counts.
//! Logs carry ids, never names, birth dates, report text, tokens or presigned URLs.

use std::{error::Error, sync::OnceLock};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use tracing::{Event, Level, Metadata, Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
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
    // A test harness may have set a subscriber of its own: its choice stands.
    drop(log(format).try_init());
}

/// The same log for this thread alone, as long as the guard lives: for what is done before a library starts one of its own.
pub fn log_of_this_thread(format: LogFormat) -> DefaultGuard {
    // Not by `set_default` of the registry, which takes what is logged by `log` for itself and for good.
    tracing::subscriber::set_default(log(format))
}

fn log(format: LogFormat) -> impl Subscriber + Send + Sync {
    let filter = EnvFilter::try_from_env("HEALTHBRIDGE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let counted = Loud.with_filter(filter_fn(|metadata| loud(metadata).is_some()));
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(counted)
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

/// An error with all that it came from, each after a colon: in the log the first word of a chain says too little.
pub fn causes(error: &dyn Error) -> String {
    std::iter::successors(error.source(), |cause| (*cause).source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
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
    fn an_error_is_written_with_all_that_it_came_from() {
        let innermost = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let between = std::io::Error::other(Caused("no connection", innermost));
        let outermost = Caused("no answer", between);
        assert_eq!(causes(&outermost), "no answer: no connection: connection refused");
    }

    #[derive(Debug)]
    struct Caused(&'static str, std::io::Error);

    impl std::fmt::Display for Caused {
        fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            to.write_str(self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

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
