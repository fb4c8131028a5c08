//! All SQL of the subgraph.

mod reports;
mod workflow_logs;

use std::str::FromStr;

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

/// Reads a value that the database's own constraints keep valid.
fn known<T: FromStr>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|source| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) })
}
