//! Clients that break off in the middle of a change.

mod setup;

use std::{net::SocketAddr, time::Duration};

use healthbridge_listener::Face;
use healthbridge_patients::{DESCRIPTION, open};
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, TestDatabase, Tokens, serve_until};
use serde_json::json;
use setup::{CREATE, identity, input, trusting};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UnixStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// As long as something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The subgraph with a pool of its own, as the program has it.
struct Subgraph {
    database: TestDatabase,
    pool: PgPool,
    address: SocketAddr,
    token: String,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

async fn start(database: TestDatabase, pool: PgPool) -> Subgraph {
    let tokens = Tokens::new();
    let stop = CancellationToken::new();
    let routes = open(pool.clone(), identity(&tokens)).routes(tokens.verifier(), trusting());
    let (url, served) = serve_until(routes, Face::Graphql, stop.clone()).await;
    let address = url.trim_start_matches("http://").parse().expect("an address");
    Subgraph { database, pool, address, token: tokens.of(Role::Clerk), stop, served }
}

impl Subgraph {
    /// Sends a whole mutation, and gives the connection on which its answer would come.
    async fn send_create(&self, family: &str) -> TcpStream {
        let body = json!({ "query": CREATE, "variables": { "input": input(family) } }).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all((head + &body).as_bytes()).await.expect("sent");
        stream
    }

    /// A connection beside the subgraph's pool.
    async fn beside(&self) -> PgConnection {
        self.database.options.connect().await.expect("a connection")
    }

    async fn patients(&self, family: &str) -> i64 {
        let found = sqlx::query_scalar("SELECT count(*) FROM patients.patient WHERE family = $1").bind(family);
        found.fetch_one(&mut self.beside().await).await.expect("a count")
    }
}

/// How many connections of the subgraph are so.
async fn connections(beside: &mut PgConnection, condition: &str) -> i64 {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(beside).await.expect("a count")
}

async fn until(beside: &mut PgConnection, condition: &str, wanted: impl Fn(i64) -> bool) {
    let waiting = async {
        while !wanted(connections(beside, condition).await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{condition} in time"));
}

#[tokio::test]
async fn a_mutation_that_has_begun_runs_to_its_end_though_its_client_goes_and_a_stop_waits_for_it() {
    let database = TestDatabase::of(DESCRIPTION.provision).await;
    let pool = healthbridge_postgres::pool(database.options.clone(), 5);
    let subgraph = start(database, pool).await;
    let mut beside = subgraph.beside().await;
    let mut holder = subgraph.beside().await;
    let mut lock = holder.begin().await.expect("begun");
    lock.execute("LOCK TABLE patients.patient IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    let client = subgraph.send_create("Begun").await;
    until(&mut beside, "wait_event_type = 'Lock'", |count| count == 1).await;
    drop(client);
    subgraph.stop.cancel();
    // The listener closes: the stop has begun while the change waits.
    let refused = async { while TcpStream::connect(subgraph.address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("no more connections are taken");
    assert_eq!(connections(&mut beside, "wait_event_type = 'Lock'").await, 1, "it is still there");
    lock.rollback().await.expect("released");
    let Subgraph { served, .. } = subgraph;
    tokio::time::timeout(PATIENCE, served).await.expect("it stops").expect("no panic");
    let made = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM patients.patient WHERE family = 'Begun'");
    assert_eq!(made.fetch_one(&mut beside).await.expect("a count"), 1, "it ran to its end before the stop did");
}

/// PostgreSQL behind a slow wire: each piece waits a little in either direction.
async fn slow_wire(socket: std::path::PathBuf, delay: Duration) -> SocketAddr {
    async fn carry(mut from: impl tokio::io::AsyncRead + Unpin, mut to: impl AsyncWriteExt + Unpin, delay: Duration) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = tokio::io::AsyncReadExt::read(&mut from, &mut buffer).await {
            tokio::time::sleep(delay).await;
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.expect("the database");
            let ((client_reads, client_writes), (server_reads, server_writes)) =
                (client.into_split(), server.into_split());
            tokio::spawn(carry(client_reads, server_writes, delay));
            tokio::spawn(carry(server_reads, client_writes, delay));
        }
    });
    address
}

#[tokio::test]
async fn mutations_whose_clients_break_off_at_any_moment_are_done_or_were_never_begun() {
    const CLIENTS: u64 = 96;
    let database = TestDatabase::of(DESCRIPTION.provision).await;
    let folder = database.options.get_socket().expect("a socket");
    let socket = folder.join(format!(".s.PGSQL.{}", database.options.get_port()));
    let wire = slow_wire(socket, Duration::from_millis(4)).await;
    let user = database.options.get_username().to_owned();
    let name = database.options.get_database().expect("a name").to_owned();
    let options = format!("postgres://{user}@{wire}/{name}?sslmode=disable");
    let options = healthbridge_postgres::connect_options(&options).expect("a URL");
    let subgraph = start(database, healthbridge_postgres::pool(options, 10)).await;
    let url = format!("http://{}", subgraph.address);
    let warm = Client::new(&url).with_token(&subgraph.token);
    setup::create(&warm, "Warm").await;
    // From before the first statement until long after the last one.
    let breaks = (0..CLIENTS).map(async |number| {
        let stream = subgraph.send_create(&format!("Broken-{number}")).await;
        tokio::time::sleep(Duration::from_millis(number * 3)).await;
        // A reset, as of a client whose process is killed.
        stream.set_zero_linger().expect("set");
        drop(stream);
    });
    futures::future::join_all(breaks).await;
    // What comes after them is answered and kept, whichever connection it gets.
    let mut beside = subgraph.beside().await;
    until(&mut beside, "state <> 'idle'", |count| count == 0).await;
    let mut kept = Vec::new();
    for number in 0..20 {
        let family = format!("Kept-{number}");
        setup::create(&warm, &family).await;
        kept.push(family);
    }
    until(&mut beside, "state = 'active'", |count| count == 0).await;
    until(&mut beside, "state LIKE 'idle in transaction%'", |count| count == 0).await;
    for family in kept {
        assert_eq!(subgraph.patients(&family).await, 1, "{family} was acknowledged");
    }
    // Whole or not at all: a record has its first version, and nothing waits for an end.
    let halves = "SELECT count(*) FROM patients.patient AS patient WHERE family LIKE 'Broken-%'
        AND NOT EXISTS (SELECT 1 FROM patients.record_version AS version WHERE version.record_id = patient.id)";
    assert_eq!(sqlx::query_scalar::<_, i64>(halves).fetch_one(&mut beside).await.expect("a count"), 0);
    let begun = "SELECT count(*) FROM patients.patient WHERE family LIKE 'Broken-%'";
    let begun = sqlx::query_scalar::<_, i64>(begun).fetch_one(&mut beside).await.expect("a count");
    assert!(begun > 0, "some had begun");
    subgraph.pool.close().await;
}
