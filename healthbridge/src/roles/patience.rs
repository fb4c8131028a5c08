use std::{error::Error, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use healthbridge_telemetry::causes;

/// How long what has to be there first is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pauses between two attempts: they double.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tries until it is done, the failure is one that does not pass, or a minute is over. Each failure is told.
pub(super) async fn patiently<T, E, F>(
    what: &str,
    passes: impl FnMut(&E) -> bool,
    attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    E: Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
    let pauses = pauses.without_max_times().with_total_delay(Some(PATIENCE));
    let tell = |error: &E, pause: Duration| {
        tracing::info!(error = causes(error), pause_ms = pause.as_millis(), "waiting for {what}");
    };
    attempt.retry(pauses).when(passes).notify(tell).await
}
