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
        new_id()
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

/// The id of something new, a UUIDv7: what is made later sorts behind.
#[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
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
        let making = Making::new(self.pool.begin().await?, caller, now, new_id());
        carry_out(change, making).await
    }

    /// Makes a change once for its key, if it has one. The key comes before everything else but the caller's rights: what
    /// was done was, whatever became of prices and states since.
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
            let (key, id) = (Key { key, caller: caller.user_id(), operation: C::NAME }, making.id);
            let claim = idempotency::claim(making.connection(), self.schema, &key, change, id).await?;
            if let Some(made) = first(change, claim, making.connection()).await? {
                return Ok(made);
            }
            failpoint(C::NAME, "key claimed");
        }
        carry_out(change, making).await
    }

    /// What was made for a key before, if it was; claims nothing. For a change with something before its transaction that a
    /// replay must neither cost nor wait for: whoever gets nothing goes on to [`Changes::make_once`].
    ///
    /// # Errors
    /// Why nothing can be made with this key, or that it cannot be read.
    pub async fn earlier<C: Once>(&self, change: &C, key: Option<Uuid>, caller: &Caller) -> Outcome<Option<C::Made>> {
        let Some(key) = key else { return Ok(None) };
        let key = Key { key, caller: caller.user_id(), operation: C::NAME };
        let mut connection = self.pool.acquire().await?;
        match idempotency::earlier(&mut connection, self.schema, &key, change).await? {
            Some(claim) => first(change, claim, &mut connection).await,
            None => Ok(None),
        }
    }
}

/// The first answer to a key; `None` where this is it.
async fn first<C: Once>(change: &C, claim: Claim, connection: &mut PgConnection) -> Outcome<Option<C::Made>> {
    match claim {
        Claim::New => Ok(None),
        Claim::Done(id) => match change.made(id, connection).await? {
            Some(made) => Ok(Some(made)),
            None => Err(Fault::Forbidden.into()),
        },
        Claim::Reused => Err(UserError::key_reused().into()),
        Claim::InProgress => Err(UserError::key_in_progress().into()),
    }
}

async fn carry_out<C: Change>(change: &C, mut making: Making<'_>) -> Outcome<C::Made> {
    let made = change.make(&mut making).await?;
    failpoint(C::NAME, "written");
    making.commit().await?;
    failpoint(C::NAME, "committed");
    Ok(made)
}
