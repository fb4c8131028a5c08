//! All SQL of the subgraph. Rows become domain types here and nowhere else.
//!
//! # The order of locks
//!
//! Whoever locks more than one of these locks them in this order, so that nobody ever waits in a circle:
//!
//! 1. an idempotency key (tried, never waited for);
//! 2. the person that another issuer vouches for ([`credentials::lock_foreign_identity`]);
//! 3. **the account** ([`accounts::lock`]). Its row is the lock of everything that belongs to it: nobody begins, refreshes
//!    or ends a session, sets a password or one-time passwords, or issues or uses a one-time token without holding it, and
//!    what was read of an account before is read again below it. Nobody locks two accounts;
//! 4. a patient's record or one of the staff ([`patients::lock`], [`staff::lock`]);
//! 5. rows of the account, the patient or the member: no further order, for the lock above is theirs;
//! 6. the feed of revocations, last of all.
//!
//! What is counted of attempts ([`attempts::attempt`]) is locked in transactions of its own, in the order of the digests.
//! Cleaning up ([`forget_old`]) waits for nobody: it leaves what is locked for the next time.
//!
//! # One connection
//!
//! Whoever holds a connection asks the pool for no second one: under load everybody would hold one and wait for another.
//! What runs inside of a transaction is a change, which has no pool; a test runs every mutation on a pool of one connection
//! (`tests/one_connection.rs`).

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod credentials;
mod forget_old;
pub(crate) mod imports;
pub(crate) mod patients;
pub(crate) mod record_versions;
pub(crate) mod sessions;
pub(crate) mod staff;

pub(crate) use forget_old::forget_old;
