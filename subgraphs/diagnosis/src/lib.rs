//! The diagnosis subgraph: appointments, imaging orders, reports and the workflow log.

pub mod domain;
mod graphql;
mod routes;
pub mod seed;
mod service;
mod settings;
mod store;

use std::time::Duration;

use futures::TryFutureExt;
use healthbridge_chain::{Notary, attesting, sealing};
use healthbridge_jobs::Job;
use healthbridge_postgres::Provision;
use healthbridge_subgraph::{Description, Subgraph};
use sqlx::{PgPool, migrate::Migrator};

pub use service::{
    Known, People, PeopleError, Person, Press, PressError, Printing, Signing, report_pdfs::delete_orphans,
};
pub use settings::{AppointmentSettings, LetterheadSettings, OrderSettings, ReportSettings, SearchLanguage, Settings};
pub use store::workflow_logs::Log;

/// The subgraph's name in the supergraph.
pub const NAME: &str = "diagnosis";

static MIGRATOR: Migrator = sqlx::migrate!();

/// What is known of the subgraph before it is opened.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    provision: Provision {
        schema: NAME,
        migrator: &MIGRATOR,
        only_grow: &["workflow_log", "report_version", "report_signature", "report_addendum"],
    },
    sdl: graphql::sdl,
};

/// How often the bucket is compared with the rows.
const DELETE_ORPHANS: Duration = Duration::from_secs(3600);

/// The subgraph on its database, as the deployment has settled it, and with what reports are signed and printed by. It is
/// ready without the storage, which only printed reports need.
pub fn open(pool: PgPool, settings: &Settings, signing: Signing, printing: Printing) -> Subgraph {
    let (signers, ready) = (signing.signers(), signing.signers());
    let objects = printing.objects.clone();
    let schema = graphql::schema(&pool, settings, signing, printing);
    let swept = pool.clone();
    let jobs = [
        sealing::<Log>("seal the workflow log", pool.clone()),
        service::critical_results::count(pool.clone(), &settings.reports),
        service::report_words::index(pool.clone(), &settings.reports),
        Job::new("delete files of reports that are nobody's", DELETE_ORPHANS, move |now| {
            delete_orphans(swept.clone(), objects.clone(), now).map_ok(drop)
        }),
    ];
    let subgraph = Subgraph::new(&DESCRIPTION, pool, schema)
        .with_routes(routes::routes(signers))
        .needing("the keys that sign reports", move || std::future::ready(ready.check()));
    jobs.into_iter().fold(subgraph, Subgraph::with_job)
}

/// The job that signs where the workflow log ends.
pub fn checkpoints(pool: PgPool, notary: Notary) -> Job {
    attesting::<Log>("sign where the workflow log ends", pool, notary)
}
