use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};
use healthbridge_postgres::known;
use sqlx::{PgConnection, PgExecutor, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::money;
use crate::domain::{LedgerExport, LedgerLine, Period};

/// What an export has written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub rows: i64,
    pub byte_size: i64,
    pub sha256: [u8; 32],
}

/// An export whose object is to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    pub(crate) id: Uuid,
    pub(crate) found_at: DateTime<Utc>,
}

/// Notes who exports what, and when the object is to be deleted.
pub(crate) async fn begin(db: impl PgExecutor<'_>, export: &LedgerExport) -> Result<(), sqlx::Error> {
    let noted = sqlx::query!(
        "INSERT INTO billing.ledger_export (id, from_at, to_at, requested_by, requested_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        export.id,
        export.period.from,
        export.period.to,
        export.requested_by,
        export.requested_at,
        export.expires_at,
    );
    noted.execute(db).await.map(drop)
}

/// Notes what an export has written.
pub(crate) async fn end(db: impl PgExecutor<'_>, id: Uuid, written: &Written) -> Result<(), sqlx::Error> {
    let noted = sqlx::query!(
        "UPDATE billing.ledger_export SET row_count = $2, byte_size = $3, sha256 = $4 WHERE id = $1",
        id,
        written.rows,
        written.byte_size,
        written.sha256.as_slice(),
    );
    noted.execute(db).await.map(drop)
}

/// A transaction that reads the same rows however often, writes none, and in which a statement may take longer than
/// elsewhere.
pub(crate) async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut snapshot = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    sqlx::query!("SET LOCAL statement_timeout = '60s'").execute(&mut *snapshot).await?;
    Ok(snapshot)
}

/// Each side of each movement that was recorded in this time, as it is read.
pub(crate) fn lines(
    connection: &mut PgConnection,
    period: Period,
) -> impl Stream<Item = Result<LedgerLine, sqlx::Error>> {
    let rows = sqlx::query!(
        "SELECT movement.seq, movement.id, movement.kind, movement.recorded_at, movement.recorded_by,
                movement.patient_id, posting.account, posting.billing_id, movement.currency, posting.amount,
                movement.method, movement.reference, movement.reason, movement.reverses_id
         FROM billing.movement AS movement JOIN billing.posting AS posting ON posting.movement_id = movement.id
         WHERE movement.recorded_at >= $1 AND movement.recorded_at < $2
         ORDER BY movement.seq, posting.place",
        period.from,
        period.to,
    );
    rows.fetch(connection).map(|row| {
        let row = row?;
        Ok(LedgerLine {
            seq: row.seq,
            movement_id: row.id,
            kind: row.kind,
            recorded_at: row.recorded_at,
            recorded_by: row.recorded_by,
            patient_id: row.patient_id,
            account: row.account,
            billing_id: row.billing_id,
            amount: money("amount", row.amount, known("currency", &row.currency)?)?,
            method: row.method,
            reference: row.reference,
            reason: row.reason,
            reverses_id: row.reverses_id,
        })
    })
}

/// Some exports whose objects are to be deleted now, locked; without those that others have locked, or that wait.
pub(crate) async fn expired(
    connection: &mut PgConnection,
    job: &str,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Expired>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM billing.ledger_export AS export
         WHERE deleted_at IS NULL AND expires_at <= $2
           AND NOT EXISTS (SELECT FROM billing.job_item AS item
                           WHERE item.job = $1 AND item.item_id = export.id AND item.not_before > $2)
         ORDER BY expires_at, id LIMIT $3 FOR UPDATE SKIP LOCKED",
        job,
        now,
        most,
    );
    Ok(ids.fetch_all(connection).await?.into_iter().map(|id| Expired { id, found_at: now }).collect())
}

/// Notes that an export's object is deleted.
pub(crate) async fn deleted(connection: &mut PgConnection, expired: &Expired) -> Result<(), sqlx::Error> {
    let (id, at) = (expired.id, expired.found_at);
    let noted = sqlx::query!("UPDATE billing.ledger_export SET deleted_at = $2 WHERE id = $1", id, at);
    noted.execute(connection).await.map(drop)
}

/// Of these exports those whose objects are still to be deleted when their time comes.
pub(crate) async fn kept(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let kept =
        sqlx::query_scalar!("SELECT id FROM billing.ledger_export WHERE id = ANY($1) AND deleted_at IS NULL", ids);
    kept.fetch_all(db).await
}
