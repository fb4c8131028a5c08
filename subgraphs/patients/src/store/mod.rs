//! All SQL of the subgraph. Rows become domain types here and nowhere else.

mod accounts;
mod credentials;
mod imports;
mod patients;
mod record_versions;
mod sessions;
mod sign_in_attempts;
mod staff;

pub(crate) use accounts::{AccountFilter, AccountKey, AccountOrder};
pub(crate) use credentials::{ForeignLink, OneTimeToken};
pub(crate) use patients::{PatientFilter, PatientOrder, SortKey};
pub(crate) use sessions::EndReason;
pub(crate) use sign_in_attempts::{Attempt, Counted};
use sqlx::PgPool;
pub(crate) use staff::StaffFilter;

/// The subgraph's tables.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
    /// For lists whose plan depends on their filters.
    searches: PgPool,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { searches: healthbridge_postgres::search_pool(&pool), pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
