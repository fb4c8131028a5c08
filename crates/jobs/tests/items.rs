//! Work over items on a real database, with replicas that work at once, die and fail.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration as Period, Instant},
};

use chrono::{DateTime, Duration, Utc};
use healthbridge_jobs::{Items, Job, Ran, Worker};
use healthbridge_outcome::Fault;
use healthbridge_testkit::TestDatabase;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Letters that are to be sent.
const SCHEMA: &str = "
    CREATE SCHEMA post;
    CREATE TABLE post.letter (id uuid PRIMARY KEY, sent boolean CHECK (NOT sent OR NOT stained), stained boolean NOT NULL);
    CREATE TABLE post.job_item (job text, item_id uuid, attempts integer NOT NULL, not_before timestamptz NOT NULL,
        reason text, PRIMARY KEY (job, item_id));";

/// What the world outside of the database has seen.
#[derive(Default)]
struct World {
    sent: Mutex<Vec<Uuid>>,
    refused: Mutex<HashSet<Uuid>>,
}

impl World {
    fn sent(&self) -> Vec<Uuid> {
        self.sent.lock().expect("unbroken").clone()
    }
}

/// Sends letters; after the first one it waits until somebody lets it go on.
struct Letters {
    world: Arc<World>,
    has_begun: Arc<Semaphore>,
    may_go_on: Arc<Semaphore>,
}

impl Items for Letters {
    const JOB: &'static str = "send letters";
    type Item = Uuid;

    fn id(letter: &Uuid) -> Uuid {
        *letter
    }

    async fn due(connection: &mut PgConnection, now: DateTime<Utc>, most: i64) -> Result<Vec<Uuid>, sqlx::Error> {
        let due = "SELECT id FROM post.letter WHERE NOT sent AND NOT EXISTS (
                       SELECT FROM post.job_item WHERE job = $1 AND item_id = id AND not_before > $2)
                   ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED";
        sqlx::query_scalar(due).bind(Self::JOB).bind(now).bind(most).fetch_all(connection).await
    }

    async fn perform(&self, letter: &Uuid) -> Result<(), Fault> {
        if self.world.refused.lock().expect("unbroken").contains(letter) {
            return Err(Fault::internal(std::io::Error::other("nobody lives there")));
        }
        self.world.sent.lock().expect("unbroken").push(*letter);
        self.has_begun.add_permits(1);
        drop(self.may_go_on.acquire().await);
        Ok(())
    }

    async fn done(connection: &mut PgConnection, letter: &Uuid) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE post.letter SET sent = true WHERE id = $1").bind(letter).execute(connection).await.map(drop)
    }
}

/// Letters of somebody who does not look whether they wait, as one does not see what others did since.
struct Blind(Letters);

impl Items for Blind {
    const JOB: &'static str = Letters::JOB;
    type Item = Uuid;

    fn id(letter: &Uuid) -> Uuid {
        *letter
    }

    async fn due(connection: &mut PgConnection, _: DateTime<Utc>, most: i64) -> Result<Vec<Uuid>, sqlx::Error> {
        let unsent = "SELECT id FROM post.letter WHERE NOT sent ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED";
        sqlx::query_scalar(unsent).bind(most).fetch_all(connection).await
    }

    async fn perform(&self, letter: &Uuid) -> Result<(), Fault> {
        self.0.perform(letter).await
    }

    async fn done(connection: &mut PgConnection, letter: &Uuid) -> Result<(), sqlx::Error> {
        Letters::done(connection, letter).await
    }
}

struct Setup {
    pool: PgPool,
    world: Arc<World>,
    /// In the order in which they are sent.
    letters: Vec<Uuid>,
    now: DateTime<Utc>,
}

async fn setup(count: u128) -> Setup {
    let pool = TestDatabase::empty().await.pool;
    pool.execute(AssertSqlSafe(SCHEMA)).await.expect("a schema");
    let letters: Vec<Uuid> = (1..=count).map(Uuid::from_u128).collect();
    let insert = sqlx::query("INSERT INTO post.letter SELECT id, false, false FROM unnest($1::uuid[]) AS new (id)");
    insert.bind(&letters).execute(&pool).await.expect("written");
    Setup { pool, world: Arc::default(), letters, now: Utc::now() }
}

impl Setup {
    /// A replica, and what it waits for.
    fn stopping(&self) -> (Worker<Letters>, Arc<Semaphore>, Arc<Semaphore>) {
        let (has_begun, may_go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let letters = Letters { world: self.world.clone(), has_begun: has_begun.clone(), may_go_on: may_go_on.clone() };
        (Worker::new(letters, self.pool.clone(), "post"), has_begun, may_go_on)
    }

    fn replica(&self) -> Worker<Letters> {
        let (worker, _, may_go_on) = self.stopping();
        may_go_on.close();
        worker
    }

    /// A replica that does not see what waits.
    fn blind(&self) -> Worker<Blind> {
        let (has_begun, may_go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        may_go_on.close();
        let letters = Letters { world: self.world.clone(), has_begun, may_go_on };
        Worker::new(Blind(letters), self.pool.clone(), "post")
    }

    fn refuse(&self, letters: &[Uuid]) {
        *self.world.refused.lock().expect("unbroken") = letters.iter().copied().collect();
    }

    async fn run(&self, after: Duration) -> Ran {
        self.replica().run(self.now + after).await.expect("run")
    }

    async fn attempts(&self, letter: Uuid) -> (i32, Option<String>) {
        let row = sqlx::query_as("SELECT attempts, reason FROM post.job_item WHERE item_id = $1").bind(letter);
        row.fetch_one(&self.pool).await.expect("a row")
    }

    async fn unfinished(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM post.job_item");
        count.fetch_one(&self.pool).await.expect("a count")
    }
}

#[tokio::test]
async fn what_one_replica_has_taken_no_other_one_does_and_the_rest_it_does() {
    let setup = setup(50).await;
    let (slow, has_begun, may_go_on) = setup.stopping();
    let now = setup.now;
    let slow = tokio::spawn(async move { slow.run(now).await });
    has_begun.acquire().await.expect("begun").forget();
    assert_eq!(setup.run(Duration::zero()).await, Ran { done: 30, failed: 0 });
    may_go_on.close();
    let slow = slow.await.expect("ended").expect("run");
    assert_eq!(slow, Ran { done: 20, failed: 0 });
    let mut sent = setup.world.sent();
    sent.sort_unstable();
    assert_eq!(sent, setup.letters, "each once");
    assert_eq!(setup.unfinished().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_begin_at_once_do_each_item_once() {
    let setup = setup(500).await;
    let replicas: Vec<_> = (0..4)
        .map(|_| {
            let (replica, now) = (setup.replica(), setup.now);
            tokio::spawn(async move { replica.run(now).await })
        })
        .collect();
    for replica in replicas {
        replica.await.expect("ended").expect("run");
    }
    let mut sent = setup.world.sent();
    sent.sort_unstable();
    assert_eq!(sent, setup.letters);
}

#[tokio::test]
async fn an_item_that_fails_keeps_no_other_one_and_is_tried_later_with_its_reason() {
    let setup = setup(45).await;
    let (refused, stained) = (setup.letters[0], setup.letters[1]);
    setup.refuse(&[refused]);
    let stain = sqlx::query("UPDATE post.letter SET stained = true WHERE id = $1").bind(stained);
    stain.execute(&setup.pool).await.expect("stained");
    assert_eq!(setup.run(Duration::zero()).await, Ran { done: 43, failed: 2 });
    assert_eq!(setup.attempts(refused).await, (1, Some("nobody lives there".to_owned())));
    let (_, reason) = setup.attempts(stained).await;
    assert!(reason.is_some_and(|reason| reason.contains("letter_check")), "its row could not say so");
    assert_eq!(setup.run(Duration::zero()).await, Ran::default(), "not at once");
    assert_eq!(setup.run(Duration::hours(1)).await, Ran { done: 0, failed: 2 });
    assert_eq!(setup.attempts(refused).await.0, 2);
    setup.refuse(&[]);
    sqlx::query("UPDATE post.letter SET stained = false").execute(&setup.pool).await.expect("cleaned");
    assert_eq!(setup.run(Duration::hours(2)).await, Ran { done: 2, failed: 0 });
    assert_eq!(setup.unfinished().await, 0);
}

#[tokio::test]
async fn what_another_replica_took_a_moment_ago_is_not_taken_again() {
    let setup = setup(25).await;
    setup.refuse(&setup.letters[..20]);
    assert!(setup.replica().run(setup.now).await.is_err());
    assert_eq!(setup.blind().run(setup.now).await.expect("run"), Ran::default());
    assert_eq!(setup.attempts(setup.letters[0]).await.0, 1);
}

#[tokio::test]
async fn waits_double_up_to_a_day() {
    let setup = setup(1).await;
    setup.refuse(&setup.letters);
    for attempt in 0..14 {
        let (now, began) = (setup.now + Duration::hours(36) * attempt, Instant::now());
        assert_eq!(setup.replica().run(now).await.expect("run"), Ran { done: 0, failed: 1 });
        let until = sqlx::query_scalar("SELECT not_before FROM post.job_item");
        let until: DateTime<Utc> = until.fetch_one(&setup.pool).await.expect("a row");
        // It counts from the failure, which came while the run went on.
        let expected = Duration::minutes(1 << attempt).min(Duration::days(1));
        let begins = until - expected;
        assert!((now..=now + began.elapsed()).contains(&begins), "attempt {attempt}: {until} after {now}");
    }
}

#[tokio::test]
async fn what_a_replica_that_died_had_taken_is_done_again() {
    let setup = setup(3).await;
    let (dying, has_begun, _may_go_on) = setup.stopping();
    let now = setup.now;
    let dying = tokio::spawn(async move { dying.run(now).await });
    has_begun.acquire().await.expect("begun").forget();
    dying.abort();
    assert!(dying.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(setup.run(Duration::zero()).await, Ran::default(), "nobody knows yet that it died");
    assert_eq!(setup.run(Duration::hours(1)).await, Ran { done: 3, failed: 0 });
    let first = setup.letters[0];
    assert_eq!(setup.world.sent(), [&[first], &setup.letters[..]].concat(), "the first one had been sent");
}

#[tokio::test]
async fn where_all_of_a_batch_fail_the_rest_waits_for_the_next_run() {
    let setup = setup(25).await;
    setup.refuse(&setup.letters[..20]);
    assert!(setup.replica().run(setup.now).await.is_err(), "the other system is at fault");
    assert!(setup.world.sent().is_empty());
    assert_eq!(setup.run(Duration::zero()).await, Ran { done: 5, failed: 0 });
}

#[tokio::test]
async fn failures_are_in_the_gauge_of_every_replica_until_they_are_mended_or_due_no_more() {
    let setup = setup(3).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let assert_failing = |count: u32| {
        let line = format!("healthbridge_job_items_failing{{part=\"post\",job=\"send letters\"}} {count}\n");
        let rendered = recorder.handle().render();
        assert!(rendered.contains(&line), "{count}: {rendered}");
    };
    setup.refuse(&setup.letters[..2]);
    setup.run(Duration::zero()).await;
    assert_failing(2);
    // Another replica does nothing, and tells the same.
    setup.run(Duration::zero()).await;
    assert_failing(2);
    setup.refuse(&setup.letters[..1]);
    setup.run(Duration::hours(1)).await;
    assert_failing(1);
    sqlx::query("DELETE FROM post.letter").execute(&setup.pool).await.expect("deleted");
    setup.run(Duration::days(3)).await;
    assert_failing(0);
    assert_eq!(setup.unfinished().await, 0);
    // One is under way, of another one several attempts ended without a word.
    for attempts in [1, 5] {
        let begun = sqlx::query("INSERT INTO post.job_item VALUES ($1, gen_random_uuid(), $2, $3)");
        let begun = begun.bind(Letters::JOB).bind(attempts).bind(setup.now);
        begun.execute(&setup.pool).await.expect("begun");
    }
    setup.run(Duration::zero()).await;
    assert_failing(1);
}

/// What operators see of the job `send letters` at this moment; none where it is not known.
fn gauge(recorder: &PrometheusRecorder, name: &str) -> Option<f64> {
    let name = format!("healthbridge_job_{name}{{part=\"post\",job=\"send letters\"}} ");
    recorder.handle().render().lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

/// Runs the job until operators see something.
async fn run_until(job: &Job, recorder: &PrometheusRecorder, is_seen: impl Fn(&PrometheusRecorder) -> bool) {
    let seen = async {
        while !is_seen(recorder) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = healthbridge_jobs::run("post", std::slice::from_ref(job)) => unreachable!("jobs have no end"),
        () = seen => {}
    }
}

#[tokio::test]
async fn a_job_over_items_tells_when_it_succeeded_last() {
    let setup = setup(1).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let job = Job::over(setup.replica(), Period::from_millis(1));
    run_until(&job, &recorder, |seen| gauge(seen, "last_success_timestamp_seconds").is_some()).await;
    assert_eq!(setup.world.sent(), setup.letters);
}

#[tokio::test]
async fn a_job_that_can_do_none_of_its_few_items_has_failed_and_does_not_succeed_while_they_wait() {
    let setup = setup(3).await;
    let job = Job::over(setup.replica(), Period::from_millis(1));
    setup.refuse(&setup.letters);
    // Of a run that begins now: whether it succeeded, how many failed in a row, how many items fail.
    let run = async || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        run_until(&job, &recorder, |seen| gauge(seen, "failures_in_a_row").is_some()).await;
        let success = gauge(&recorder, "last_success_timestamp_seconds").is_some();
        (success, gauge(&recorder, "failures_in_a_row"), gauge(&recorder, "items_failing"))
    };
    assert_eq!(run().await, (false, Some(1.0), Some(3.0)));
    assert_eq!(run().await, (false, Some(0.0), Some(3.0)), "they wait for a minute");
    let another = sqlx::query("INSERT INTO post.letter VALUES (gen_random_uuid(), false, false)");
    another.execute(&setup.pool).await.expect("written");
    assert_eq!(run().await, (true, Some(0.0), Some(3.0)), "one that can be done");
    setup.refuse(&[]);
    sqlx::query("DELETE FROM post.job_item").execute(&setup.pool).await.expect("they wait no more");
    assert_eq!(run().await, (true, Some(0.0), Some(0.0)));
}
