//! The heart of every mutation, once: its key is claimed, its input is checked, its rows are written, and all of it is
//! committed or none. What was done before for the same key is answered again.
//!
//! Belongs here: what all changes have in common. Does not belong here: what any of them does.

mod failpoint;
mod making;

use chrono::{DateTime, Utc};
use healthbridge_outcome::{Fault, Outcome, UserError};
use healthbridge_postgres::idempotency::{self, Claim, Key};
use healthbridge_rights::Caller;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub use failpoint::failpoint;
pub use making::Making;

/// What a mutation changes: its input, and nothing that reaches for another connection.
pub trait Change: Sync {
    /// The mutation's name in the graph.
    const NAME: &'static str;

    /// What it makes or changes.
    type Made: Send;

    /// Checks the input inside the transaction and writes. Whatever stops it leaves nothing behind.
    ///
    /// # Errors
    /// Why nothing was changed.
    fn make(&self, making: &mut Making<'_>) -> impl Future<Output = Outcome<Self::Made>> + Send;
}

/// A change that is made once for its idempotency key, which is bound to the input as it serialises.
pub trait Once: Change + Serialize {
    /// The id of what is made, a new one; of what is changed, its own.
    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// What the first request made, as it is now; its id was [`Making::id`]. `None` where it is there no more.
    ///
    /// # Errors
    /// When it cannot be read.
    fn made(
        &self,
        id: Uuid,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Option<Self::Made>, Fault>> + Send;
}

/// Where a subgraph's changes are made.
#[derive(Clone, Debug)]
pub struct Changes {
    pool: PgPool,
    /// The subgraph's schema in the database, with its keys.
    schema: &'static str,
}

impl Changes {
    /// The changes of the subgraph with this schema.
    pub fn new(pool: PgPool, schema: &'static str) -> Self {
        Self { pool, schema }
    }

    /// Makes a change.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn make<C: Change>(&self, change: &C, caller: &Caller, now: DateTime<Utc>) -> Outcome<C::Made> {
        let making = Making::new(self.pool.begin().await?, caller, now, Uuid::now_v7());
        carry_out(change, making).await
    }

    /// Makes a change once for its key, if it has one. The key comes before everything else: what was done was, whatever
    /// became of prices, states and rights since.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn make_once<C: Once>(
        &self,
        change: &C,
        key: Option<Uuid>,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Outcome<C::Made> {
        let mut making = Making::new(self.pool.begin().await?, caller, now, change.id());
        if let Some(key) = key {
            let (key, id) = (Key { key, caller: making.user_id(), operation: C::NAME }, making.id);
            match idempotency::claim(making.connection(), self.schema, &key, change, id).await? {
                Claim::New => failpoint(C::NAME, "key claimed"),
                Claim::Done(id) => {
                    let made = change.made(id, making.connection()).await?;
                    return made.ok_or_else(|| Fault::Unauthorized.into());
                }
                Claim::Reused => return Err(UserError::key_reused().into()),
                Claim::InProgress => return Err(UserError::key_in_progress().into()),
            }
        }
        carry_out(change, making).await
    }
}

async fn carry_out<C: Change>(change: &C, mut making: Making<'_>) -> Outcome<C::Made> {
    let made = change.make(&mut making).await?;
    failpoint(C::NAME, "written");
    making.commit().await?;
    failpoint(C::NAME, "committed");
    Ok(made)
}
