//! The billing subgraph: billings, payments and what a patient owes.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::{sync::Arc, time::Duration};

use futures::TryFutureExt;
use healthbridge_chain::{Notary, attesting, sealing};
use healthbridge_jobs::Job;
use healthbridge_objectstore::ObjectStore;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use service::Exports;
use sqlx::{PgPool, migrate::Migrator};

pub use service::{ForeignBill, ForeignLine, ForeignPayment, Imported, Importer, sweeps};
pub use store::{Ledger, verify, verify_each};

/// The subgraph's name in the supergraph.
pub const NAME: &str = "billing";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &["movement", "posting", "ledger_seal"] },
    sdl: graphql::sdl,
};

/// How often exports whose time has come are deleted.
const DELETE_EXPORTS: Duration = Duration::from_secs(60);
/// How often the bucket is compared with the rows.
const DELETE_ORPHANS: Duration = Duration::from_secs(3600);

/// The subgraph on its database and storage. It is ready without the storage, which only exports need.
pub fn open(pool: PgPool, objects: ObjectStore) -> Subgraph {
    let exports = Arc::new(Exports::new(pool.clone(), objects.clone()));
    let schema = graphql::schema(&pool, exports);
    Subgraph::new(&DESCRIPTION, pool.clone(), schema)
        .with_job(sealing::<Ledger>("seal the ledger", pool.clone()))
        .with_job(Job::over(sweeps::delete_expired(pool.clone(), objects.clone()), DELETE_EXPORTS))
        .with_job(Job::new("delete objects that are nobody's", DELETE_ORPHANS, move |now| {
            sweeps::delete_orphans(pool.clone(), objects.clone(), now).map_ok(drop)
        }))
}

/// The job that signs where the ledger ends.
pub fn checkpoints(pool: PgPool, notary: Notary) -> Job {
    attesting::<Ledger>("sign where the ledger ends", pool, notary)
}
