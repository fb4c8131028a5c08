//! All SQL of the subgraph. Rows become domain types here and nowhere else.
//!
//! # The order of locks
//!
//! Whoever locks more than one of these locks them in this order, so that nobody ever waits in a circle:
//!
//! 1. an idempotency key (tried, never waited for);
//! 2. the person that another issuer vouches for ([`Store::lock_foreign_identity`]);
//! 3. **the account** ([`Store::lock_account`]). Its row is the lock of everything that belongs to it: nobody begins, refreshes
//!    or ends a session, sets a password or one-time passwords, or issues or uses a one-time token without holding it, and
//!    what was read of an account before is read again below it. Nobody locks two accounts;
//! 4. a patient's record or one of the staff ([`Store::lock_patient`], [`Store::lock_staff`]);
//! 5. rows of the account, the patient or the member: no further order, for the lock above is theirs;
//! 6. the feed of revocations, last of all.
//!
//! What is counted of attempts ([`Store::attempt`]) is locked in transactions of its own, in the order of the digests.
//! Cleaning up ([`Store::forget_old`]) waits for nobody: it leaves what is locked for the next time.
//!
//! # One connection
//!
//! Whoever holds a connection asks the pool for no second one: under load everybody would hold one and wait for another.
//! What runs inside of a transaction takes its connection and no `&self`, so that it has no pool; a test runs every mutation on
//! a pool of one connection (`tests/one_connection.rs`).

mod accounts;
mod credentials;
mod forget_old;
mod imports;
mod patients;
mod record_versions;
mod sessions;
mod sign_in_attempts;
mod staff;

pub(crate) use accounts::{AccountFilter, AccountKey, AccountOrder};
pub(crate) use credentials::{Credentials, ForeignLink, OneTimeToken};
pub(crate) use patients::{PatientFilter, PatientOrder, SortKey};
pub(crate) use sessions::EndReason;
pub(crate) use sign_in_attempts::{Attempt, Crowd};
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
