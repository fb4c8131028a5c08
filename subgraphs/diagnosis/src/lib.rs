//! The diagnosis subgraph: reports and the workflow log.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::time::Duration;

use healthbridge_chain::{Notary, catch_up};
use healthbridge_jobs::Job;
use healthbridge_outcome::Fault;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use store::workflow_logs::Log;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "diagnosis";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &["workflow_log"] },
    sdl: graphql::sdl,
};

/// How long an entry waits for its place where nobody reads the log.
const SEAL: Duration = Duration::from_secs(1);

/// How old the last checkpoint is at most while the log grows.
const CHECKPOINT: Duration = Duration::from_secs(60);

/// The subgraph on its database.
pub fn open(pool: PgPool) -> Subgraph {
    let schema = graphql::schema(&pool);
    let log = pool.clone();
    let seal = Job::new("seal the workflow log", SEAL, move |_| {
        let pool = log.clone();
        async move { Ok(catch_up::<Log>(&pool).await.map(drop)?) }
    });
    Subgraph::new(&DESCRIPTION, pool, schema).with_job(seal)
}

/// The job that signs where the workflow log ends.
pub fn checkpoints(pool: PgPool, notary: Notary) -> Job {
    Job::new("sign where the workflow log ends", CHECKPOINT, move |now| {
        let (pool, notary) = (pool.clone(), notary.clone());
        async move { notary.attest::<Log>(&pool, now).await.map_err(Fault::internal) }
    })
}
