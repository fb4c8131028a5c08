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
//! The subgraph takes it by `with_job`. What operators see of it follows, each with the labels `part` and `job`:
//!
//! * `healthbridge_job_last_success_timestamp_seconds`: when it last did something, or found nothing that was left undone.
//! * `healthbridge_job_failures_in_a_row`: how often it failed since; a run over items fails where none of them can be done.
//! * `healthbridge_job_items_failing`: how many items failed, and wait to be tried again.
//!
//! Belongs here: when a job runs, what becomes of its failures, and what operators see of it. Does not belong here: what any
//! job does.

mod attempts;
mod items;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use healthbridge_outcome::Fault;

pub use items::{Items, Ran, Worker};

/// The first wait after a failure; each further one doubles it, up to the job's period.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Jobs begin within this time, and within a hundredth of their period, so that replicas that are started together do not ask
/// for everything at once. What has to be done soon is not put off by that: a first checkpoint, say.
const SPREAD: Duration = Duration::from_secs(10);

type Work = Box<dyn Fn(DateTime<Utc>) -> BoxFuture<'static, Result<Came, Fault>> + Send + Sync>;

/// What a run that did not fail came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// It did what there was to do.
    ToItsEnd,
    /// What there is to do failed before and waits: no success, and no failure either.
    ToNothing,
}

/// Work that is done again and again.
pub struct Job {
    name: &'static str,
    every: Duration,
    work: Work,
}

impl Job {
    /// A job that runs soon after the start and then in every period. Its work takes at most a batch of rows at a time, and leaves
    /// what another replica has locked.
    pub fn new<F>(
        name: &'static str,
        every: Duration,
        work: impl Fn(DateTime<Utc>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self { name, every, work: Box::new(move |now| work(now).map_ok(|()| Came::ToItsEnd).boxed()) }
    }

    /// A job over items: what fails of them stays with the item, and the job goes on.
    pub fn over<I: Items>(worker: Worker<I>, every: Duration) -> Self {
        let worker = Arc::new(worker);
        let work = move |now| {
            let worker = worker.clone();
            async move { worker.run_as_job(now).await }.boxed()
        };
        Self { name: I::JOB, every, work: Box::new(work) }
    }

    /// How long the job waits for its first run, by a number that is another one in each replica.
    fn first_wait(&self, seed: u64) -> Duration {
        let longest = (self.every / 100).min(SPREAD);
        longest.mul_f64(f64::from(u32::try_from(seed % 1000).unwrap_or_default()) / 1000.0)
    }

    /// Does the work for ever. What fails is tried again after growing waits.
    async fn run(&self, part: &'static str) {
        let labels = [("part", part), ("job", self.name)];
        let mut failures = 0_u32;
        tokio::time::sleep(self.first_wait(RandomState::new().hash_one(self.name))).await;
        loop {
            #[expect(clippy::disallowed_methods, reason = "a job begins now")]
            let now = Utc::now();
            let wait = match (self.work)(now).await {
                Ok(Came::ToNothing) => self.every,
                Ok(Came::ToItsEnd) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_begin_at_different_times_and_soon() {
        let job = |every| Job::new("wait", every, |_| async { Ok(()) });
        let waits = |every| [0, 500, 999].map(|seed| job(Duration::from_secs(every)).first_wait(seed).as_millis());
        assert_eq!(waits(1), [0, 5, 9]);
        assert_eq!(waits(60), [0, 300, 599]);
        assert_eq!(waits(3600), [0, 5000, 9990]);
    }
}
