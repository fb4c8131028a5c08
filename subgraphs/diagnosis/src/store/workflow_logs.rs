use chrono::{DateTime, Utc};
use healthbridge_outcome::Window;
use healthbridge_postgres::known;
use healthbridge_terms::Coded;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::{Entry, WorkflowAction, WorkflowLog};

struct Row {
    seq: i64,
    id: Uuid,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    user_id: Uuid,
    action: String,
    note: Option<String>,
    patient_id: Option<Uuid>,
    report_id: Option<Uuid>,
    image_id: Option<Uuid>,
    prev_hash: String,
    hash: String,
}

impl TryFrom<Row> for WorkflowLog {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let entry = Entry {
            id: row.id,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            user_id: row.user_id,
            action: known("action", &row.action)?,
            note: row.note,
            patient_id: row.patient_id,
            report_id: row.report_id,
            image_id: row.image_id,
        };
        Ok(Self { seq: row.seq, entry, prev_hash: row.prev_hash, hash: row.hash })
    }
}

/// Which entries a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkflowLogFilter {
    pub user_id: Option<Uuid>,
    pub patient_id: Option<Uuid>,
    pub report_id: Option<Uuid>,
    pub actions: Vec<WorkflowAction>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// The entries with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<WorkflowLog>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT seq, id, occurred_at, recorded_at, user_id, action, note, patient_id, report_id, image_id, prev_hash,
                hash
         FROM diagnosis.workflow_log WHERE id = ANY($1)",
        ids,
    );
    rows.fetch_all(db).await?.into_iter().map(WorkflowLog::try_from).collect()
}

/// One row more than the page has, the newest first.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &WorkflowLogFilter,
    window: &Window<i64>,
) -> Result<Vec<WorkflowLog>, sqlx::Error> {
    let actions: Vec<String> = filter.actions.iter().map(|action| action.text().to_owned()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT seq, id, occurred_at, recorded_at, user_id, action, note, patient_id, report_id, image_id, prev_hash,
                hash
         FROM diagnosis.workflow_log
         WHERE ($1::uuid IS NULL OR user_id = $1)
           AND ($2::uuid IS NULL OR patient_id = $2)
           AND ($3::uuid IS NULL OR report_id = $3)
           AND (cardinality($4::text[]) = 0 OR action = ANY($4))
           AND ($5::timestamptz IS NULL OR occurred_at >= $5)
           AND ($6::timestamptz IS NULL OR occurred_at < $6)
           AND ($7::bigint IS NULL OR seq < $7)
         ORDER BY seq DESC LIMIT $8",
        filter.user_id,
        filter.patient_id,
        filter.report_id,
        &actions,
        filter.from,
        filter.to,
        window.start,
        window.limit(),
    );
    rows.fetch_all(db).await?.into_iter().map(WorkflowLog::try_from).collect()
}

/// Appends to the log. The end of the chain is locked until the transaction ends.
pub(crate) async fn append(connection: &mut PgConnection, entry: Entry) -> Result<WorkflowLog, sqlx::Error> {
    let head = sqlx::query!("SELECT seq, hash FROM diagnosis.workflow_log_head FOR UPDATE");
    let head = head.fetch_one(&mut *connection).await?;
    let log = WorkflowLog::chain(entry, head.seq, head.hash);
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.workflow_log (seq, id, occurred_at, recorded_at, user_id, action, note, patient_id,
             report_id, image_id, prev_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        log.seq,
        log.entry.id,
        log.entry.occurred_at,
        log.entry.recorded_at,
        log.entry.user_id,
        log.entry.action.text(),
        log.entry.note,
        log.entry.patient_id,
        log.entry.report_id,
        log.entry.image_id,
        log.prev_hash,
        log.hash,
    );
    inserted.execute(&mut *connection).await?;
    let moved = sqlx::query!("UPDATE diagnosis.workflow_log_head SET seq = $1, hash = $2", log.seq, log.hash);
    moved.execute(connection).await?;
    Ok(log)
}
