use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use healthbridge_outcome::Fault;
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Came, attempts::Attempts};

/// How many items a replica takes at once. The others are for other replicas.
const BATCH: u32 = 20;

/// How long one item may take.
const LONGEST: Duration = Duration::from_secs(30);

/// How long what a replica took is nobody else's: twice as long as all of it may take. What a replica that died had taken
/// is done again after that.
const CLAIM: Duration = LONGEST.saturating_mul(2 * BATCH);

/// Items that a job does one by one: what differs from job to job. That no two replicas do the same one, and what becomes of
/// failures, is the [`Worker`]'s.
pub trait Items: Send + Sync + 'static {
    /// The job's name, for operators and in `job_item`.
    const JOB: &'static str;

    /// What is known of an item.
    type Item: Send + Sync;

    /// The item's id.
    fn id(item: &Self::Item) -> Uuid;

    /// Locks as many items that are due, the longest due ones first, without those that wait:
    ///
    /// ```sql
    /// SELECT .. FROM part.thing AS thing WHERE ..
    ///   AND NOT EXISTS (SELECT FROM part.job_item AS item
    ///                   WHERE item.job = $1 AND item.item_id = thing.id AND item.not_before > $2)
    /// ORDER BY .. LIMIT $3 FOR UPDATE SKIP LOCKED
    /// ```
    fn due(
        connection: &mut PgConnection,
        now: DateTime<Utc>,
        most: i64,
    ) -> impl Future<Output = Result<Vec<Self::Item>, sqlx::Error>> + Send;

    /// Does the item, in no transaction. Somebody may have done it before, and died before he said so.
    fn perform(&self, item: &Self::Item) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Says in the item's row that it is done.
    fn done(connection: &mut PgConnection, item: &Self::Item) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// What became of the items of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// How many were done.
    pub done: usize,
    /// How many failed, and are tried again later.
    pub failed: usize,
}

/// Why a run failed whose items failed, each for a reason of its own.
#[derive(Debug, thiserror::Error)]
#[error("none of {0} items that were due could be done")]
struct NoneDone(usize);

/// One replica's hand in the work over items.
pub struct Worker<I> {
    items: I,
    pool: PgPool,
    attempts: Attempts,
}

impl<I: Items> Worker<I> {
    /// A worker for a part of the program, whose schema has the part's name.
    pub fn new(items: I, pool: PgPool, part: &'static str) -> Self {
        Self { items, pool, attempts: Attempts { part, job: I::JOB } }
    }

    /// Does all items that are due.
    ///
    /// # Errors
    /// When the database fails; or all of a batch, as the other system is at fault then, and the rest waits for the next run.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Ran, Fault> {
        Ok(self.run_and_look(now).await?.0)
    }

    /// Does all items that are due, as a job: where none of them could be done it failed, and where some wait because they
    /// failed before, and nothing else was to be done, it came to nothing.
    pub(crate) async fn run_as_job(&self, now: DateTime<Utc>) -> Result<Came, Fault> {
        let (ran, failing) = self.run_and_look(now).await?;
        match ran {
            Ran { done: 0, failed: 1.. } => Err(Fault::internal(NoneDone(ran.failed))),
            Ran { done: 0, .. } if failing > 0 => Ok(Came::ToNothing),
            _ => Ok(Came::ToItsEnd),
        }
    }

    /// Does all items that are due, and counts those that failed and are not done, whoever tried them.
    async fn run_and_look(&self, now: DateTime<Utc>) -> Result<(Ran, i32), Fault> {
        let ran = self.run_batches(now).await;
        let failing = self.attempts.failing(&self.pool, now).await?;
        let labels = [("part", self.attempts.part), ("job", I::JOB)];
        metrics::gauge!("healthbridge_job_items_failing", &labels).set(failing);
        Ok((ran?, failing))
    }

    async fn run_batches(&self, start: DateTime<Utc>) -> Result<Ran, Fault> {
        let (began, mut ran) = (Instant::now(), Ran::default());
        let now = || start + began.elapsed();
        loop {
            let (items, is_full) = self.take(now()).await?;
            let (failed_before, mut failure) = (ran.failed, None);
            for item in &items {
                match self.attempt(item).await {
                    Ok(()) => ran.done += 1,
                    Err(fault) => {
                        self.put_off(I::id(item), &fault, now()).await?;
                        ran.failed += 1;
                        failure = Some(fault);
                    }
                }
            }
            match failure {
                Some(fault) if ran.failed - failed_before == BATCH as usize => return Err(fault),
                // Where nothing could be taken others are at it.
                _ if !is_full || items.is_empty() => return Ok(ran),
                _ => {}
            }
        }
    }

    /// Takes a batch for this replica, and says whether there may be more.
    async fn take(&self, now: DateTime<Utc>) -> Result<(Vec<I::Item>, bool), Fault> {
        let mut transaction = self.pool.begin().await?;
        let mut due = I::due(&mut transaction, now, BATCH.into()).await?;
        let is_full = due.len() == BATCH as usize;
        let ids: Vec<Uuid> = due.iter().map(I::id).collect();
        let taken = self.attempts.begin(&mut transaction, &ids, now, now + CLAIM).await?;
        transaction.commit().await?;
        // What another replica took between our look at the table and the lock is not ours.
        due.retain(|item| taken.contains(&I::id(item)));
        Ok((due, is_full))
    }

    async fn attempt(&self, item: &I::Item) -> Result<(), Fault> {
        let attempt = async {
            self.items.perform(item).await?;
            let mut transaction = self.pool.begin().await?;
            I::done(&mut transaction, item).await?;
            self.attempts.end(&mut transaction, I::id(item)).await?;
            Ok(transaction.commit().await?)
        };
        timeout(LONGEST, attempt).await.unwrap_or_else(|elapsed| Err(Fault::internal(elapsed)))
    }

    async fn put_off(&self, id: Uuid, fault: &Fault, now: DateTime<Utc>) -> Result<(), Fault> {
        let (part, job, error) = (self.attempts.part, I::JOB, fault.inside());
        tracing::warn!(part, job, item = %id, error, "the job {job} failed at {id}; it is tried again later");
        Ok(self.attempts.put_off(&self.pool, id, &error, now).await?)
    }
}
