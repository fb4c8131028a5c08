//! The imaging subgraph: uploads and medical images. Their bytes go between the client and the object storage.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::{sync::Arc, time::Duration};

use healthbridge_jobs::Job;
use healthbridge_objectstore::ObjectStore;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use service::{SweepError, Sweeps};

/// The subgraph's name in the supergraph.
pub const NAME: &str = "imaging";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &[] },
    sdl: graphql::sdl,
};

/// How often abandoned uploads and deleted images are cleaned up.
const SWEEP: Duration = Duration::from_secs(60);

/// How often the bucket is compared with the rows.
const ORPHANS: Duration = Duration::from_secs(3600);

/// The subgraph on its database and object storage, without which it is not ready.
pub fn open(pool: PgPool, objects: ObjectStore) -> Subgraph {
    let schema = graphql::schema(&pool, &objects);
    let sweeps = Arc::new(Sweeps::new(pool.clone(), objects.clone()));
    let orphans = sweeps.clone();
    Subgraph::new(&DESCRIPTION, pool, schema)
        .needing("the object storage", move || {
            let objects = objects.clone();
            async move { objects.ping().await }
        })
        .with_job(Job::new("sweep", SWEEP, move |now| {
            let sweeps = sweeps.clone();
            async move { Ok(sweeps.sweep(now).await?) }
        }))
        .with_job(Job::new("remove orphans", ORPHANS, move |now| {
            let sweeps = orphans.clone();
            async move { Ok(sweeps.sweep_orphans(now).await.map(drop)?) }
        }))
}
