//! The diagnosis subgraph: appointments, imaging orders, reports and the workflow log.

pub mod domain;
mod graphql;
mod routes;
pub mod seed;
mod service;
mod settings;
mod store;

use healthbridge_chain::{Notary, attesting, sealing};
use healthbridge_jobs::Job;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use service::Signing;
pub use settings::{AppointmentSettings, OrderSettings, ReportSettings, Settings};
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

/// The subgraph on its database, as the deployment has settled it, and with what reports are signed by.
pub fn open(pool: PgPool, settings: &Settings, signing: Signing) -> Subgraph {
    let (signers, ready) = (signing.signers(), signing.signers());
    let schema = graphql::schema(&pool, settings, signing);
    let seal = sealing::<Log>("seal the workflow log", pool.clone());
    Subgraph::new(&DESCRIPTION, pool, schema)
        .with_routes(routes::routes(signers))
        .with_job(seal)
        .needing("the keys that sign reports", move || std::future::ready(ready.check()))
}

/// The job that signs where the workflow log ends.
pub fn checkpoints(pool: PgPool, notary: Notary) -> Job {
    attesting::<Log>("sign where the workflow log ends", pool, notary)
}
