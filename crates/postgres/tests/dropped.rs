//! Futures that are dropped anywhere in a transaction, before a server that answers late: what the next user of their
//! connection writes is there.

use std::{collections::HashSet, future::poll_fn, path::PathBuf, pin::pin, task::Poll, time::Duration};

use healthbridge_postgres::{
    copy::{Loader, Rows},
    pool, search_pool,
};
use healthbridge_testkit::TestDatabase;
use sqlx::{ConnectOptions, Connection, Executor, PgPool};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split},
    net::{TcpStream, UnixListener, UnixStream},
};

const CONNECTIONS: u32 = 3;

/// A way to the test server on which each answer takes a while, so that a future can be dropped before it.
struct SlowWay {
    folder: TempDir,
}

impl SlowWay {
    fn open(answers_after: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, answers_after));
            }
        });
        Self { folder }
    }

    fn pool(&self, database: &TestDatabase) -> PgPool {
        let options = database.options.clone().socket(self.folder.path()).port(5432);
        pool(options, CONNECTIONS)
    }
}

async fn pass(client: UnixStream, answers_after: Duration) {
    let server = TestDatabase::server();
    if let Some(folder) = server.get_socket() {
        let path: PathBuf = folder.join(format!(".s.PGSQL.{}", server.get_port()));
        pass_on(client, UnixStream::connect(path).await.expect("the server"), answers_after).await;
    } else {
        let address = (server.get_host().to_owned(), server.get_port());
        pass_on(client, TcpStream::connect(address).await.expect("the server"), answers_after).await;
    }
}

async fn pass_on(client: UnixStream, server: impl AsyncRead + AsyncWrite, answers_after: Duration) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (split(client), split(server));
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            tokio::time::sleep(answers_after).await;
            if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    // When one side ends, both do.
    tokio::select! { _ = copy(&mut from_client, &mut to_server) => {}, () = answers => {} }
}

/// Runs a future until it has waited this often, then drops it. `true` where it came to its end before.
async fn dropped_after<T>(waits: usize, future: impl Future<Output = T>) -> bool {
    let (mut future, mut waited) = (pin!(future), 0);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if waited == waits => Poll::Ready(false),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

async fn database() -> TestDatabase {
    let database = TestDatabase::empty().await;
    let make = "CREATE TABLE acknowledged (id bigint PRIMARY KEY); CREATE TABLE broken (id bigint)";
    database.pool.execute(make).await.expect("tables");
    database
}

async fn change(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    transaction.execute("INSERT INTO broken VALUES (1)").await?;
    transaction.execute("SELECT pg_advisory_xact_lock_shared(1)").await?;
    transaction.commit().await
}

/// Drops a change at each place where it waits, and lets others write between; gives what they were told is written.
async fn break_off(
    pool: &PgPool,
    rounds: i64,
    change: impl AsyncFn(&PgPool) -> Result<(), sqlx::Error>,
) -> HashSet<i64> {
    let mut acknowledged = HashSet::new();
    let mut waits = 0;
    for round in 0..rounds {
        let is_whole = dropped_after(waits, change(pool)).await;
        waits = if is_whole { 0 } else { waits + 1 };
        // Each connection is used, whichever was given back how.
        for place in 0..i64::from(CONNECTIONS) {
            let id = round * 10 + place;
            let written = sqlx::query("INSERT INTO acknowledged VALUES ($1)").bind(id).execute(pool).await;
            if written.is_ok_and(|written| written.rows_affected() == 1) {
                acknowledged.insert(id);
            }
        }
    }
    acknowledged
}

/// All that was acknowledged is there, and nobody is in a transaction or holds a lock.
async fn assert_kept(database: &TestDatabase, pool: &PgPool, acknowledged: &HashSet<i64>) {
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(pool.acquire().await.expect("every connection can be had"));
    }
    let mut server = TestDatabase::server().connect().await.expect("the server");
    let name = database.options.get_database().expect("a name");
    let states = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'";
    let (open,): (i64,) = sqlx::query_as(states).bind(name).fetch_one(&mut server).await.expect("counted");
    assert_eq!(open, 0, "connections that are in a transaction that nobody ends");
    let locks = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                 WHERE datname = $1 AND locktype = 'advisory'";
    let (held,): (i64,) = sqlx::query_as(locks).bind(name).fetch_one(&mut server).await.expect("counted");
    assert_eq!(held, 0, "locks that nobody gives back");
    let mut own = database.options.connect().await.expect("the database");
    let there: Vec<(i64,)> = sqlx::query_as("SELECT id FROM acknowledged").fetch_all(&mut own).await.expect("read");
    let there: HashSet<i64> = there.into_iter().map(|(id,)| id).collect();
    let lost = acknowledged.difference(&there).count();
    assert_eq!(lost, 0, "of {} rows that were acknowledged", acknowledged.len());
    assert!(!acknowledged.is_empty(), "somebody wrote");
}

#[tokio::test]
async fn what_is_written_after_a_transaction_was_broken_off_anywhere_is_there() {
    let database = database().await;
    let way = SlowWay::open(Duration::from_millis(1));
    let pool = way.pool(&database);
    let acknowledged = break_off(&pool, 300, change).await;
    assert_kept(&database, &pool, &acknowledged).await;
}

#[tokio::test]
async fn nor_is_anything_lost_where_a_transaction_was_begun_on_a_borrowed_connection() {
    let database = database().await;
    let way = SlowWay::open(Duration::from_millis(1));
    let pool = search_pool(&way.pool(&database));
    // Half as many: the others of `CONNECTIONS` would wait.
    let nested = async |pool: &PgPool| {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        let mut inner = transaction.begin().await?;
        inner.execute("INSERT INTO broken VALUES (1)").await?;
        inner.commit().await?;
        transaction.commit().await
    };
    let acknowledged = break_off(&pool, 200, nested).await;
    let second = pool.acquire().await.expect("each can be had");
    drop((pool.acquire().await.expect("each can be had"), second));
    assert_kept(&database, &way.pool(&database), &acknowledged).await;
}

#[tokio::test]
async fn a_load_that_was_broken_off_is_forgotten_and_leaves_no_connection_out_of_step() {
    let database = database().await;
    let way = SlowWay::open(Duration::from_millis(1));
    let pool = way.pool(&database);
    let load = async |pool: &PgPool| {
        let mut loader = Loader::begin(pool).await?;
        let mut rows = Rows::default();
        rows.value(1).end_row();
        loader.load(rows, "broken", "id").await?;
        loader.commit().await
    };
    let acknowledged = break_off(&pool, 100, load).await;
    assert_kept(&database, &pool, &acknowledged).await;
}

#[tokio::test]
async fn a_connection_that_hangs_in_a_transaction_is_ended_by_the_server() {
    let database = database().await;
    let settings =
        "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('statement_timeout')";
    for pool in [pool(database.options.clone(), 2), search_pool(&pool(database.options.clone(), 2))] {
        let set: (String, String) = sqlx::query_as(settings).fetch_one(&pool).await.expect("the settings");
        assert_eq!(set, ("30s".to_owned(), "15s".to_owned()));
    }
}
