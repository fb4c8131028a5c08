//! Idempotency keys: a mutation that is sent again with its key gives the first answer and changes nothing.
//!
//! Each subgraph has the table `idempotency_key` in its own schema. A key is claimed in the transaction of the change,
//! so that both are there or neither; a request with a key whose first one has not ended is told so, and waits for nothing.
//!
//! A key is looked at before anything that may answer otherwise the next time: what is in the database, the clock, the
//! configuration, whose turn it is. Only the caller's rights, and checks of the input alone, which never answer otherwise,
//! may come first.

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::{BATCH, in_batches};

/// A request's key and what it is bound to.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key that the client chose.
    pub key: Uuid,
    /// The account that sent it: keys of different accounts never meet.
    pub caller: Uuid,
    /// The mutation.
    pub operation: &'static str,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is this transaction's: make the change in it.
    New,
    /// The change was made before; its object has this id.
    Done(Uuid),
    /// The key was used with another input.
    Reused,
    /// The first request with the key has not ended.
    InProgress,
}

/// Claims a key inside the transaction of the change that makes the object `result`. Keys are kept for 24 hours.
///
/// # Errors
/// When a statement fails or the input does not serialise.
pub async fn claim(
    connection: &mut PgConnection,
    schema: &str,
    key: &Key,
    input: &(impl Serialize + Sync),
    result: Uuid,
) -> Result<Claim, sqlx::Error> {
    let fingerprint = fingerprint(key, input)?;
    // The lock is the first request's until its transaction ends: whoever does not get it inserts nothing, and need not
    // wait as it would for the row.
    let insert = format!(
        "INSERT INTO {schema}.idempotency_key AS old (caller, key, operation, fingerprint, result_id)
         SELECT $1, $2, $3, $4, $5
         WHERE pg_try_advisory_xact_lock(hashtextextended('{schema} ' || $1::text || ' ' || $2::text, 0))
         ON CONFLICT (caller, key) DO UPDATE
         SET operation = excluded.operation, fingerprint = excluded.fingerprint, result_id = excluded.result_id,
             created_at = now()
         WHERE old.created_at < now() - interval '24 hours'"
    );
    let inserted = sqlx::query(AssertSqlSafe(insert))
        .bind(key.caller)
        .bind(key.key)
        .bind(key.operation)
        .bind(&fingerprint)
        .bind(result)
        .execute(&mut *connection)
        .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Claim::New);
    }
    Ok(find(connection, schema, key, &fingerprint).await?.unwrap_or(Claim::InProgress))
}

/// What became of a key before, if anything has; claims nothing.
///
/// # Errors
/// When the statement fails or the input does not serialise.
pub async fn earlier(
    connection: &mut PgConnection,
    schema: &str,
    key: &Key,
    input: &(impl Serialize + Sync),
) -> Result<Option<Claim>, sqlx::Error> {
    find(connection, schema, key, &fingerprint(key, input)?).await
}

fn fingerprint(key: &Key, input: &impl Serialize) -> Result<Vec<u8>, sqlx::Error> {
    let json = serde_json::to_vec(input).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(Sha256::digest([key.operation.as_bytes(), b"\0", &json].concat()).to_vec())
}

async fn find(
    connection: &mut PgConnection,
    schema: &str,
    key: &Key,
    fingerprint: &[u8],
) -> Result<Option<Claim>, sqlx::Error> {
    let select = format!(
        "SELECT fingerprint, result_id FROM {schema}.idempotency_key
         WHERE caller = $1 AND key = $2 AND created_at >= now() - interval '24 hours'"
    );
    let found = sqlx::query(AssertSqlSafe(select)).bind(key.caller).bind(key.key).fetch_optional(connection).await?;
    let Some(row) = found else { return Ok(None) };
    let is_same = row.try_get::<Vec<u8>, _>("fingerprint")? == fingerprint;
    Ok(Some(if is_same { Claim::Done(row.try_get("result_id")?) } else { Claim::Reused }))
}

/// Removes keys that are honoured no longer. Several replicas may do so at once.
///
/// # Errors
/// When a statement fails.
pub async fn forget_old(pool: &PgPool, schema: &str) -> Result<(), sqlx::Error> {
    // A key may be claimed again meanwhile: then it is not old any more, and stays.
    let delete = format!(
        "DELETE FROM {schema}.idempotency_key
         WHERE created_at < now() - interval '24 hours' AND ctid = ANY(ARRAY(
             SELECT ctid FROM {schema}.idempotency_key WHERE created_at < now() - interval '24 hours'
             ORDER BY created_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED))"
    );
    in_batches(async || Ok(sqlx::query(AssertSqlSafe(delete.clone())).execute(pool).await?.rows_affected())).await
}
