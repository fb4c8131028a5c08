//! The imaging subgraph: uploads and medical images. Their bytes go between the client and the object storage.

pub mod domain;
mod graphql;
pub mod seed;
mod service;
mod store;

use std::time::Duration;

use futures::TryFutureExt;
use healthbridge_jobs::Job;
use healthbridge_objectstore::ObjectStore;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use service::sweeps;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "imaging";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &[] },
    sdl: graphql::sdl,
};

/// How often uploads are given up and bytes purged.
const SWEEP: Duration = Duration::from_secs(60);

/// How often the bucket is compared with the rows.
const ORPHANS: Duration = Duration::from_secs(3600);

/// The subgraph on its database and object storage, without which it is not ready.
pub fn open(pool: PgPool, objects: ObjectStore) -> Subgraph {
    let schema = graphql::schema(&pool, &objects);
    let (rows, bucket) = (pool.clone(), objects.clone());
    let storage = move || {
        let bucket = bucket.clone();
        async move { bucket.ping().await }
    };
    Subgraph::new(&DESCRIPTION, pool.clone(), schema)
        .needing("the object storage", storage)
        .with_job(Job::new("give up uploads", SWEEP, move |now| sweeps::give_up_uploads(rows.clone(), now)))
        .with_job(Job::over(sweeps::purge(pool.clone(), objects.clone()), SWEEP))
        .with_job(Job::new("remove orphans", ORPHANS, move |now| {
            sweeps::remove_orphans(pool.clone(), objects.clone(), now).map_ok(drop)
        }))
}
