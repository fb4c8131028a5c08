use chrono::{DateTime, Utc};
use futures::{TryStreamExt, stream::BoxStream};
use healthbridge_chain::{Chain, Head, Link};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
use healthbridge_terms::Coded;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::{Entry, WorkflowAction, WorkflowLog};

/// An entry; one that waits has no place yet.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct WorkflowLogFilter {
    pub user_id: Option<Uuid>,
    pub patient_id: Option<Uuid>,
    pub report_id: Option<Uuid>,
    pub actions: Vec<WorkflowAction>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

impl WorkflowLogFilter {
    fn action_names(&self) -> Vec<String> {
        self.actions.iter().map(|action| action.text().to_owned()).collect()
    }
}

/// All columns of the entries that these parts of a statement find.
macro_rules! entries {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        entries_of!(["diagnosis.workflow_log AS entry " $($from)+], $($argument),*)
    };
}

/// All columns of the entries that these parts of a statement find.
macro_rules! entries_of {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT entry.seq AS "seq!", entry.id AS "id!", occurred_at AS "occurred_at!", recorded_at AS "recorded_at!",
                      user_id AS "user_id!", action AS "action!", note, patient_id, report_id, image_id,
                      prev_hash AS "prev_hash!", hash AS "hash!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the entries that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " ($1::uuid IS NULL OR user_id = $1)
                   AND ($2::uuid IS NULL OR patient_id = $2)
                   AND ($3::uuid IS NULL OR report_id = $3)
                   AND (cardinality($4::text[]) = 0 OR action = ANY($4))
                   AND ($5::timestamptz IS NULL OR occurred_at >= $5)
                   AND ($6::timestamptz IS NULL OR occurred_at < $6) "
                $($after)*
            ],
            $filter.user_id,
            $filter.patient_id,
            $filter.report_id,
            &$filter.action_names(),
            $filter.from,
            $filter.to
            $(, $argument)*
        )
    };
}

/// The entries with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<WorkflowLog>, sqlx::Error> {
    let rows = entries!(["WHERE id = ANY($1)"], ids);
    rows.fetch_all(db).await?.into_iter().map(WorkflowLog::try_from).collect()
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &WorkflowLogFilter,
    window: &Window<i64>,
) -> Result<Vec<WorkflowLog>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                entries, ["WHERE"] ["AND seq " $beyond " $7 ORDER BY seq " $order " LIMIT $8"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)?.into_iter().map(WorkflowLog::try_from).collect()
}

/// Of each account one row more than the page has.
pub(crate) async fn of_users(
    db: impl PgExecutor<'_>,
    users: &[Uuid],
    filter: &WorkflowLogFilter,
    window: &Window<i64>,
) -> Result<Vec<WorkflowLog>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                entries_of,
                ["unnest($7::uuid[]) AS account (id) CROSS JOIN LATERAL (
                      SELECT * FROM diagnosis.workflow_log AS entry WHERE entry.user_id = account.id AND"]
                ["AND entry.seq " $beyond " $8 ORDER BY entry.seq " $order " LIMIT $9
                  ) AS entry ORDER BY entry.user_id, entry.seq " $order],
                filter, users, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)?.into_iter().map(WorkflowLog::try_from).collect()
}

/// How many entries of each account a filter leaves.
pub(crate) async fn count_of_users(
    db: impl PgExecutor<'_>,
    users: &[Uuid],
    filter: &WorkflowLogFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT account.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM diagnosis.workflow_log AS entry WHERE entry.user_id = account.id AND"#][r#"LIMIT $8) AS found) AS "total!" FROM unnest($7::uuid[]) AS account (id)"#],
        filter,
        users,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// How many entries a filter leaves.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &WorkflowLogFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM diagnosis.workflow_log WHERE"#]["LIMIT $7) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Appends to the log. The entry has its place when it is sealed; until then nobody waits for it, and it waits for nobody.
pub(crate) async fn append(db: impl PgExecutor<'_>, entry: &Entry) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.workflow_log_waiting (id, occurred_at, recorded_at, user_id, action, note, patient_id,
             report_id, image_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entry.id,
        entry.occurred_at,
        entry.recorded_at,
        entry.user_id,
        entry.action.text(),
        entry.note,
        entry.patient_id,
        entry.report_id,
        entry.image_id,
    );
    inserted.execute(db).await.map(drop)
}

/// The workflow log as a chain: entries wait in a table of their own, and are moved into the log.
pub struct Log;

impl Chain for Log {
    const NAME: &'static str = "diagnosis.workflow_log";
    type Entry = Entry;

    async fn is_waiting(db: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let any = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM diagnosis.workflow_log_waiting) AS "any!""#);
        any.fetch_one(db).await
    }

    async fn head(db: &mut PgConnection) -> Result<Head, sqlx::Error> {
        sqlx::query_as!(Head, "SELECT seq, hash FROM diagnosis.workflow_log_head").fetch_one(db).await
    }

    async fn lock(db: &mut PgConnection) -> Result<Head, sqlx::Error> {
        sqlx::query_as!(Head, "SELECT seq, hash FROM diagnosis.workflow_log_head FOR UPDATE").fetch_one(db).await
    }

    async fn waiting(db: &mut PgConnection, at_most: i64) -> Result<Vec<Entry>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT 0::bigint AS "seq!", id, occurred_at, recorded_at, user_id, action, note, patient_id, report_id, image_id,
                      '' AS "prev_hash!", '' AS "hash!"
               FROM diagnosis.workflow_log_waiting ORDER BY turn LIMIT $1"#,
            at_most,
        );
        // What a newer replica has written, and this one cannot read, waits for that one, and so does what comes behind.
        let readable = |row| {
            let read = WorkflowLog::try_from(row).inspect_err(|error| {
                tracing::warn!(%error, "an entry of the workflow log waits for a replica that can read it");
            });
            read.ok().map(|log| log.entry)
        };
        Ok(rows.fetch_all(db).await?.into_iter().map_while(readable).collect())
    }

    async fn keep(db: &mut PgConnection, links: &[WorkflowLog]) -> Result<(), sqlx::Error> {
        let Some(last) = links.last() else { return Ok(()) };
        let ids: Vec<Uuid> = links.iter().map(|link| link.entry.id).collect();
        let seqs: Vec<i64> = links.iter().map(|link| link.seq).collect();
        let prev_hashes: Vec<String> = links.iter().map(|link| link.prev_hash.clone()).collect();
        let hashes: Vec<String> = links.iter().map(|link| link.hash.clone()).collect();
        let moved = sqlx::query!(
            "INSERT INTO diagnosis.workflow_log (seq, id, occurred_at, recorded_at, user_id, action, note, patient_id,
                 report_id, image_id, prev_hash, hash)
             SELECT link.seq, id, occurred_at, recorded_at, user_id, action, note, patient_id, report_id, image_id,
                 link.prev_hash, link.hash
             FROM diagnosis.workflow_log_waiting
             JOIN unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) AS link (id, seq, prev_hash, hash) USING (id)",
            &ids,
            &seqs,
            &prev_hashes,
            &hashes,
        );
        moved.execute(&mut *db).await?;
        let left = sqlx::query!("DELETE FROM diagnosis.workflow_log_waiting WHERE id = ANY($1)", &ids);
        left.execute(&mut *db).await?;
        let head = sqlx::query!("UPDATE diagnosis.workflow_log_head SET seq = $1, hash = $2", last.seq, last.hash);
        head.execute(db).await.map(drop)
    }

    fn links(db: &mut PgConnection) -> BoxStream<'_, Result<Link<Option<Entry>>, sqlx::Error>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT seq, id, occurred_at, recorded_at, user_id, action, note, patient_id, report_id, image_id, prev_hash,
                    hash
             FROM diagnosis.workflow_log ORDER BY seq",
        );
        let link = |row: Row| {
            let (seq, prev_hash, hash) = (row.seq, row.prev_hash.clone(), row.hash.clone());
            Link { seq, entry: WorkflowLog::try_from(row).ok().map(|log| log.entry), prev_hash, hash }
        };
        Box::pin(rows.fetch(db).map_ok(link))
    }
}
