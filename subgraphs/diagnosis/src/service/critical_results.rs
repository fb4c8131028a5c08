//! Critical results that wait to be acknowledged, as operators see them.

use std::time::Duration;

use healthbridge_jobs::Job;
use sqlx::PgPool;

use crate::{NAME, settings, store::reports};

/// How often they are counted.
const EVERY: Duration = Duration::from_secs(60);

/// Counts the critical results that nobody has acknowledged, for operators: `healthbridge_critical_results_waiting`, and of
/// them `healthbridge_critical_results_overdue`.
pub(crate) fn count(pool: PgPool, settings: &settings::ReportSettings) -> Job {
    let longest = settings.critical();
    Job::new("count critical results", EVERY, move |now| {
        let pool = pool.clone();
        async move {
            let (waiting, overdue) = reports::waiting_critical(&pool, now - longest).await?;
            let labels = [("part", NAME)];
            // Nobody has so many that a float would lose one.
            let gauge = |count: i64| f64::from(i32::try_from(count).unwrap_or(i32::MAX));
            metrics::gauge!("healthbridge_critical_results_waiting", &labels).set(gauge(waiting));
            metrics::gauge!("healthbridge_critical_results_overdue", &labels).set(gauge(overdue));
            if overdue > 0 {
                tracing::warn!(part = NAME, overdue, "critical results wait too long to be acknowledged");
            }
            Ok(())
        }
    })
}
