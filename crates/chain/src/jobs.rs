use std::time::Duration;

use healthbridge_jobs::Job;
use healthbridge_outcome::Fault;
use sqlx::PgPool;

use crate::{Chain, Notary, catch_up};

/// How long an entry waits for its place where nobody reads the chain.
const SEAL: Duration = Duration::from_secs(1);

/// How old the last checkpoint is at most while the chain grows.
const CHECKPOINT: Duration = Duration::from_secs(60);

/// The job that seals what waits.
pub fn sealing<C: Chain + 'static>(name: &'static str, pool: PgPool) -> Job {
    Job::new(name, SEAL, move |_| {
        let pool = pool.clone();
        async move { Ok(catch_up::<C>(&pool).await.map(drop)?) }
    })
}

/// The job that signs where the chain ends.
pub fn attesting<C: Chain + 'static>(name: &'static str, pool: PgPool, notary: Notary) -> Job {
    Job::new(name, CHECKPOINT, move |now| {
        let (pool, notary) = (pool.clone(), notary.clone());
        async move { notary.attest::<C>(&pool, now).await.map_err(Fault::internal) }
    })
}
