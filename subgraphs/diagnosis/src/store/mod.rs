//! All SQL of the subgraph.

mod reports;
mod workflow_logs;

pub(crate) use reports::ReportFilter;
use sqlx::PgPool;
pub(crate) use workflow_logs::WorkflowLogFilter;

/// The subgraph's tables.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
