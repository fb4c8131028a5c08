use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{SinkExt, Stream, StreamExt, TryStreamExt, channel::mpsc, future, stream};
use healthbridge_change::{Change, Changes, Making};
use healthbridge_objectstore::{Announced, ObjectStore, ObjectStoreError};
use healthbridge_outcome::{Fault, Outcome, Presigned, Stop, UserErrorCode};
use healthbridge_rights::{Caller, Resource, Right};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::{
    NAME,
    domain::{LedgerExport, LedgerLine, Period, csv_header, csv_lines, object_key},
    store::exports::{self, Written},
};

/// The longest period of one export.
const LONGEST_PERIOD: TimeDelta = TimeDelta::days(366);
/// How long the file can be read.
pub(super) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long an export may take. The router waits for 30 s.
const LONGEST: Duration = Duration::from_secs(25);
/// How many exports one process makes at once: each holds a connection to the database all the time.
const AT_ONCE: usize = 2;
/// How many lines go together.
const LINES: usize = 500;
const CSV: &str = "text/csv; charset=utf-8";

/// An export, and where it can be read.
#[derive(Debug)]
pub(crate) struct Exported {
    pub export: LedgerExport,
    pub written: Written,
    pub download: Presigned,
}

/// The ledger could not be exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectStoreError),
    /// A line could not be written.
    #[error("a line cannot be written")]
    Csv(#[from] csv::Error),
}

impl From<ExportError> for Fault {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Database(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

/// The exports of the ledger.
pub(crate) struct Exports {
    pool: PgPool,
    changes: Changes,
    objects: ObjectStore,
    turns: Semaphore,
}

impl Exports {
    /// The exports of the ledger in this database into this storage.
    pub(crate) fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, objects, turns: Semaphore::new(AT_ONCE) }
    }

    /// Writes what was recorded in a time into the object storage, for whoever may search payments.
    pub(crate) async fn export(&self, caller: &Caller, asked: ExportLedger, now: DateTime<Utc>) -> Outcome<Exported> {
        caller.require(Resource::PaymentNotice, Right::Search)?;
        // First, so that an object is deleted whatever happens to this process.
        let export = self.changes.make(&asked, caller, now).await?;
        let Ok(written) = tokio::time::timeout(LONGEST, self.write(&export)).await else {
            let message = "The export would take too long: ask for a shorter time";
            return Err(Stop::refuse("to", UserErrorCode::OutOfRange, message));
        };
        let written = written?;
        exports::end(&self.pool, export.id, &written).await?;
        let disposition = format!("attachment; filename=\"{}\"", export.file_name());
        let download = self.objects.presign_get(&object_key(export.id), CSV, &disposition, LIFETIME, now).await;
        Ok(Exported { export, written, download: download.map_err(Fault::internal)? })
    }

    /// Reads the ledger twice in one snapshot: once for what it comes to, which a storage must know before, and once for the
    /// storage. No more than a few hundred lines are in memory.
    async fn write(&self, export: &LedgerExport) -> Result<Written, ExportError> {
        let _turn = self.turns.acquire().await.expect("nobody closes it");
        let mut snapshot = exports::snapshot(&self.pool).await?;
        let written = measure(csv(exports::lines(&mut snapshot, export.period))).await?;
        let announced = Announced { size: written.byte_size, sha256: written.sha256 };
        let (sender, receiver) = mpsc::channel(2);
        let lines = csv(exports::lines(&mut snapshot, export.period));
        // A failure goes with the bytes, and makes the storage forget them. One who listens no more has failed himself.
        let sending = lines.map(|chunk| Ok(chunk.map(|chunk| chunk.bytes))).forward(sender.sink_map_err(drop));
        let key = object_key(export.id);
        let putting = self.objects.put_stream(&key, CSV, &announced, receiver, LONGEST);
        let (_, put) = future::join(sending, putting).await;
        put?;
        Ok(written)
    }
}

/// A part of the ledger to be exported.
pub(crate) struct ExportLedger(pub Period);

/// Notes who exports what.
impl Change for ExportLedger {
    const NAME: &'static str = "exportLedger";
    type Made = LedgerExport;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<LedgerExport> {
        let Self(period) = *self;
        if period.to <= period.from {
            return Err(Stop::refuse("to", UserErrorCode::OutOfRange, "`to` is not behind `from`"));
        }
        if period.to - period.from > LONGEST_PERIOD {
            return Err(Stop::refuse("to", UserErrorCode::OutOfRange, "The time is longer than 366 days"));
        }
        let (id, requested_by, requested_at) = (making.id, making.user_id(), making.now);
        let export = LedgerExport { id, period, requested_by, requested_at, expires_at: requested_at + LIFETIME };
        exports::begin(making.connection(), &export).await?;
        Ok(export)
    }
}

/// A part of the file.
struct Chunk {
    rows: usize,
    bytes: Bytes,
}

/// The file, in parts.
fn csv(lines: impl Stream<Item = Result<LedgerLine, sqlx::Error>>) -> impl Stream<Item = Result<Chunk, ExportError>> {
    let header = csv_header().map(|header| Chunk { rows: 0, bytes: header.into() }).map_err(ExportError::from);
    let lines = lines.try_chunks(LINES).map(|lines| {
        let lines = lines.map_err(|failed| failed.1)?;
        Ok(Chunk { rows: lines.len(), bytes: csv_lines(&lines)?.into() })
    });
    stream::once(future::ready(header)).chain(lines)
}

async fn measure(file: impl Stream<Item = Result<Chunk, ExportError>>) -> Result<Written, ExportError> {
    let zero = (0, 0, Sha256::new());
    let sum = async |(rows, size, digest): (usize, usize, Sha256), chunk: Chunk| {
        Ok((rows + chunk.rows, size + chunk.bytes.len(), digest.chain_update(&chunk.bytes)))
    };
    let (rows, size, digest) = file.try_fold(zero, sum).await?;
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Written { rows: whole(rows), byte_size: whole(size), sha256: digest.finalize().into() })
}
