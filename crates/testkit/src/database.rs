use std::str::FromStr;

use healthbridge_postgres::Provision;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

/// A database of a test's own, copied from one that was migrated once.
#[derive(Debug)]
pub struct TestDatabase {
    /// A pool as the subgraph has it, with statements logged so that they can be counted.
    pub pool: PgPool,
    /// How to connect as the owner.
    pub options: PgConnectOptions,
}

/// The variable that names the test server; `with-postgres` sets it.
const VARIABLE: &str = "HEALTHBRIDGE_TEST_DATABASE_URL";

impl TestDatabase {
    /// The test server itself.
    ///
    /// # Panics
    /// When there is none: run tests by `./dev test`, or below `with-postgres`.
    pub fn server() -> PgConnectOptions {
        let url =
            std::env::var(VARIABLE).unwrap_or_else(|_| panic!("{VARIABLE} is not set: run the tests by ./dev test"));
        PgConnectOptions::from_str(&url).expect("a database URL")
    }

    /// A new database without any schema.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn empty() -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut server = Self::server().connect().await.expect("the test server answers");
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new database");
        Self::on(&name)
    }

    /// A new database with a subgraph's schema.
    ///
    /// # Panics
    /// When the server refuses or the migrations fail.
    pub async fn of(part: Provision) -> Self {
        let template = format!("template_{}", part.schema);
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut server = Self::server().connect().await.expect("the test server answers");
        // The first test of a subgraph makes the template; the others wait for it.
        let lock = i64::from(part.schema.as_bytes()[0]);
        sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut server).await.expect("the lock");
        let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate").bind(&template);
        if exists.fetch_optional(&mut server).await.expect("an answer").is_none() {
            server.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {template}"))).await.expect("dropped");
            server.execute(AssertSqlSafe(format!("CREATE DATABASE {template}"))).await.expect("a template");
            let owner = Self::server().database(&template);
            healthbridge_postgres::migrate(&owner, part).await.expect("the migrations run");
            let mark = format!("ALTER DATABASE {template} IS_TEMPLATE true");
            server.execute(AssertSqlSafe(mark)).await.expect("marked as a template");
        }
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"))).await.expect("a copy");
        server.close().await.expect("closed");
        Self::on(&name)
    }

    /// A pool of one connection on this database: whoever asks for a second one while holding it gets none, and fails.
    pub fn only_connection(&self) -> PgPool {
        healthbridge_postgres::pool(self.options.clone(), 1)
    }

    /// How many deadlocks the server has broken in this database (SQLSTATE 40P01).
    ///
    /// # Panics
    /// When the server does not say.
    pub async fn deadlocks(&self) -> i64 {
        // A backend tells what it has counted when it goes; this one's own pool is asked to let its go.
        self.pool.close().await;
        let mut server = Self::server().connect().await.expect("the test server answers");
        let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1";
        let count = sqlx::query_scalar(count).bind(self.options.get_database());
        count.fetch_one(&mut server).await.expect("a count")
    }

    fn on(name: &str) -> Self {
        let options = Self::server().database(name);
        Self { pool: healthbridge_postgres::pool(options.clone(), 5), options }
    }
}
