use std::{str::FromStr, time::Duration};

use futures::FutureExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// A connection that was idle this long is tried before it is used. A server that was started again took longer than that (the
/// quickest was seen after 100 ms), so none of the connections from before is used; trying each would double the round trips of
/// a pool that is busy.
const TRUSTED_IDLE: Duration = Duration::from_millis(50);

/// What a subgraph's part of a database consists of.
#[derive(Clone, Copy, Debug)]
pub struct Provision {
    /// The PostgreSQL schema, and the suffix of the role's name.
    pub schema: &'static str,
    /// The migrations.
    pub migrator: &'static Migrator,
    /// Tables that only grow: the subgraph's role may not UPDATE or DELETE there. Triggers refuse it to the owner, too.
    pub only_grow: &'static [&'static str],
}

/// Reads a `postgres://` URL.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?.disable_statement_logging())
}

/// A pool that connects when it is first used, so that a part starts before its database does.
///
/// A connection that comes back is in no transaction, however its user ended: see [`leave_transaction`].
pub fn pool(options: PgConnectOptions, max_connections: u32) -> PgPool {
    let options = options.application_name("healthbridge").options([
        ("statement_timeout", "15s"),
        // One whose process hangs in the middle of a transaction keeps its locks no longer.
        ("idle_in_transaction_session_timeout", "30s"),
    ]);
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < TRUSTED_IDLE || connection.ping().await.is_ok()) })
        })
        .after_release(|connection, _| Box::pin(async move { leave_transaction(connection) }))
        .connect_lazy_with(options)
}

/// A connection beside a pool's, to the same database, that has all the time that it needs: for what reads everything.
///
/// # Errors
/// When the database cannot be reached.
pub async fn unhurried(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let no_end = [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
    pool.connect_options().as_ref().clone().options(no_end).connect().await
}

/// Ends the transaction that a connection may have been given back in. `true` where it can be used again.
///
/// The driver ends a transaction when it is dropped, but knows of it only when the answer to BEGIN was read: of a future that
/// is dropped before, the server alone knows that there is one. So the server is told on each release, by statements that do
/// nothing where there is none, and end it where there is one. They are sent here and not waited for: the driver's own ping,
/// which follows at once, reads their answer with its own, so that this costs no round trip.
fn leave_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Somebody forgot a transaction instead of dropping it.
        return Ok(false);
    }
    match connection.begin_with("BEGIN; ROLLBACK").now_or_never() {
        // The answer is still to come; or it has come, and the driver finds that this began nothing.
        None | Some(Err(sqlx::Error::BeginFailed)) => Ok(true),
        Some(Ok(_)) => Ok(false),
        Some(Err(error)) => Err(error),
    }
}

/// A pool on the same database for statements whose best plan depends on their values, as that of a search by whichever
/// filters are given: each is planned for its own values. A pool of their own also keeps slow ones from taking every
/// connection that the others need.
pub fn search_pool(like: &PgPool) -> PgPool {
    let options = like.connect_options().as_ref().clone().options([("plan_cache_mode", "force_custom_plan")]);
    let most = like.options().get_max_connections().div_ceil(2);
    like.options().clone().max_connections(most).connect_lazy_with(options)
}

/// Whether the database answers.
pub async fn ping(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(pool).await.map(drop)
}

/// Whether the server lets this user in. It is asked once, by a connection of its own.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn reach(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    options.connect().await?.close().await
}

/// Whether a server that could not be reached may be there in a moment: it is not listening yet, starting, stopping to start
/// again, or full. One that refuses the user or has no such database will go on so.
pub fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        // The driver takes a connection that is closed while it greets for a wrong answer.
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(refusal) => {
            refusal.code().is_some_and(|code| code.starts_with("57P0") || code == "53300")
        }
        _ => false,
    }
}

/// Brings a subgraph's schema up to date, as the owner of the database. Services that migrate at once wait for each
/// other.
pub async fn migrate(owner: &PgConnectOptions, part: Provision) -> Result<(), MigrateError> {
    let mut connection = owner.connect().await?;
    part.migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Gives a role what a subgraph needs in its own schema and nothing elsewhere; makes the role where it is missing.
pub async fn grant_to_role(
    owner: &PgConnectOptions,
    part: Provision,
    role: &str,
    password: Option<&str>,
) -> Result<(), sqlx::Error> {
    let (schema, role_name) = (quote(part.schema), quote(role));
    let mut connection = owner.connect().await?;
    let exists = sqlx::query("SELECT 1 FROM pg_roles WHERE rolname = $1").bind(role);
    if exists.fetch_optional(&mut connection).await?.is_none() {
        let with = password.map_or_else(String::new, |password| format!(" PASSWORD {}", literal(password)));
        connection.execute(AssertSqlSafe(format!("CREATE ROLE {role_name} LOGIN{with}"))).await?;
    }
    let grants = format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role_name};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role_name};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role_name};
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role_name};"
    );
    connection.execute(AssertSqlSafe(grants)).await?;
    for table in part.only_grow {
        let revoke = format!("REVOKE UPDATE, DELETE, TRUNCATE ON {schema}.{} FROM {role_name}", quote(table));
        connection.execute(AssertSqlSafe(revoke)).await?;
    }
    connection.close().await
}

fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
