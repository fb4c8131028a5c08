//! The patients subgraph: users and their sign-in, patients, medical staff.

pub mod domain;
mod graphql;
mod routes;
pub mod seed;
mod service;
mod store;

use std::time::Duration;

use chrono::{DateTime, Utc};
use healthbridge_jobs::Job;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use service::{
    ForeignPatient, ForeignPractitioner, Identity, Imported, Importer, InvalidTotpKey, NewAccount, Passwords, TotpKey,
    create_account, has_administrator,
};

/// The subgraph's name in the supergraph.
pub const NAME: &str = "patients";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision { schema: NAME, migrator: &MIGRATOR, only_grow: &["record_version"] },
    sdl: graphql::sdl,
};

/// How often what is old is removed.
const FORGET_OLD: Duration = Duration::from_secs(3600);

/// The subgraph on its database. It alone has the signing keys.
pub fn open(pool: PgPool, identity: Identity) -> Subgraph {
    let keys = identity.keys.clone();
    let services = service::Services::new(&pool, identity);
    let routes = routes::routes(keys, services.sessions.clone());
    let old = pool.clone();
    let forget = Job::new("forget what nobody can use any more", FORGET_OLD, move |now| {
        let pool = old.clone();
        async move { Ok(forget_old(&pool, now).await?) }
    });
    Subgraph::new(&DESCRIPTION, pool, graphql::schema(services)).with_routes(routes).with_job(forget)
}

/// Removes sessions, tokens, revocations and attempts that nobody can use any more. Several replicas may do so at once.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(pool: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    store::forget_old(pool, now).await
}
