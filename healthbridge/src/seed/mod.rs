//! Made-up data: the same at every run.

mod bulk;
mod demo;
mod pictures;
mod world;

use sqlx::PgPool;

pub(crate) use bulk::bulk;
pub(crate) use demo::{DEMO_PASSWORD, demo, first_patient};

use crate::Subgraph;

/// The databases of the subgraphs.
pub(crate) struct Pools {
    pub patients: PgPool,
    pub imaging: PgPool,
    pub diagnosis: PgPool,
    pub billing: PgPool,
}

impl Pools {
    /// The database of a subgraph.
    pub(crate) fn of(&self, subgraph: Subgraph) -> &PgPool {
        match subgraph {
            Subgraph::Patients => &self.patients,
            Subgraph::Imaging => &self.imaging,
            Subgraph::Diagnosis => &self.diagnosis,
            Subgraph::Billing => &self.billing,
        }
    }
}
