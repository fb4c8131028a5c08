//! Reports that were loaded by others, or cut into words by another language's rules, are found by their words, too.

use std::time::Duration;

use healthbridge_jobs::Job;
use healthbridge_postgres::in_batches;
use sqlx::PgPool;

use crate::{settings, store::reports};

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(60);

/// Cuts reports into words that are not yet, by the rules of the language that the deployment decided on.
pub(crate) fn index(pool: PgPool, settings: &settings::ReportSettings) -> Job {
    let language = settings.search_language.name();
    Job::new("find the words of reports", EVERY, move |_| {
        let pool = pool.clone();
        async move { Ok(in_batches(|| reports::index_words(&pool, language)).await?) }
    })
}
