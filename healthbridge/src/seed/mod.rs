//! Made-up data: the same at every run.

mod bulk;
mod demo;
mod pictures;
mod world;

use sqlx::PgPool;

pub(crate) use bulk::bulk;
pub(crate) use demo::{DEMO_PASSWORD, demo, first_patient, pages};

/// The databases of the subgraphs.
pub(crate) struct Pools {
    pub patients: PgPool,
    pub imaging: PgPool,
    pub diagnosis: PgPool,
    pub billing: PgPool,
}

impl Pools {
    /// Gives all connections back.
    pub(crate) async fn close(&self) {
        for pool in [&self.patients, &self.imaging, &self.diagnosis, &self.billing] {
            pool.close().await;
        }
    }
}
