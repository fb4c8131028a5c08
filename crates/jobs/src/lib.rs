//! What a part does beside answering: it cleans up, purges, and looks after what was left undone. Any number of replicas may
//! run the same jobs at once.
//!
//! A new job is one of two kinds:
//!
//! * Work that one statement, or one look at another system, does by itself is [`Job::new`] with a function. It takes a
//!   batch of rows at a time, as `healthbridge_postgres::in_batches` does, and is done again whole when it fails.
//! * Work on items that may fail one by one, such as objects of another system, is [`Job::over`] a [`Worker`] of [`Items`],
//!   four functions. The subgraph's schema has the table `job_item` (as in `subgraphs/imaging/migrations/0003_jobs.sql`).
//!
//! The subgraph takes it by `with_job`. What operators see of it follows: `healthbridge_job_last_success_timestamp_seconds`,
//! `healthbridge_job_failures_in_a_row`, and `healthbridge_job_items_failing`, each with the labels `part` and `job`.
//!
//! Belongs here: when a job runs, what becomes of its failures, and what operators see of it. Does not belong here: what any
//! job does.

mod attempts;
mod items;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use healthbridge_outcome::Fault;

pub use items::{Items, Ran, Worker};

/// The first wait after a failure; each further one doubles it, up to the job's period.
const FIRST_WAIT: Duration = Duration::from_secs(1);

type Work = Box<dyn Fn(DateTime<Utc>) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>;

/// Work that is done again and again.
pub struct Job {
    name: &'static str,
    every: Duration,
    work: Work,
}

impl Job {
    /// A job that runs at the start and then in every period. Its work takes at most a batch of rows at a time, and leaves
    /// what another replica has locked.
    pub fn new<F>(
        name: &'static str,
        every: Duration,
        work: impl Fn(DateTime<Utc>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self { name, every, work: Box::new(move |now| work(now).boxed()) }
    }

    /// A job over items: what fails of them stays with the item, and the job goes on.
    pub fn over<I: Items>(worker: Worker<I>, every: Duration) -> Self {
        let worker = Arc::new(worker);
        Self::new(I::JOB, every, move |now| {
            let worker = worker.clone();
            async move { worker.run(now).await.map(drop) }
        })
    }

    /// Does the work for ever. What fails is tried again after growing waits.
    async fn run(&self, part: &'static str) {
        let labels = [("part", part), ("job", self.name)];
        let mut failures = 0_u32;
        loop {
            #[expect(clippy::disallowed_methods, reason = "a job begins now")]
            let now = Utc::now();
            let wait = match (self.work)(now).await {
                Ok(()) => {
                    failures = 0;
                    metrics::gauge!("healthbridge_job_last_success_timestamp_seconds", &labels).set(now_in_seconds());
                    self.every
                }
                Err(fault) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(part, job = self.name, error = fault.inside(), "a job failed; it is tried again");
                    (FIRST_WAIT * 2_u32.saturating_pow(failures.min(20) - 1)).min(self.every)
                }
            };
            metrics::gauge!("healthbridge_job_failures_in_a_row", &labels).set(failures);
            tokio::time::sleep(wait).await;
        }
    }
}

/// Runs a part's jobs beside one another, for ever.
pub async fn run(part: &'static str, jobs: &[Job]) {
    futures::future::join_all(jobs.iter().map(|job| job.run(part))).await;
    // A part without jobs is not done by that.
    std::future::pending::<()>().await;
}

fn now_in_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
