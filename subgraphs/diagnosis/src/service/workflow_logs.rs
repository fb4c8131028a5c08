use std::sync::Arc;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use healthbridge_chain::{catch_up, seal};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Page, Refusals, Total, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    NAME,
    domain::{Entry, WorkflowAction, WorkflowLog},
    store::workflow_logs::{self, Log, WorkflowLogFilter},
};

/// How far the clocks of those who log may be ahead of ours.
const AHEAD: Duration = Duration::minutes(5);

/// The workflow log.
pub(crate) struct WorkflowLogs {
    pool: PgPool,
    changes: Changes,
}

impl WorkflowLogs {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The entries that the caller may read, of these.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<WorkflowLog>, Fault> {
        if caller.require(Resource::Provenance, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        let found = workflow_logs::by_id(&self.pool, ids).await?;
        // What is not found may wait for its place.
        if found.len() < ids.len() && catch_up::<Log>(&self.pool).await? {
            return Ok(workflow_logs::by_id(&self.pool, ids).await?);
        }
        Ok(found)
    }

    /// A page of the log.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &WorkflowLogFilter,
        window: &Window<i64>,
    ) -> Result<Page<WorkflowLog>, Fault> {
        caller.require(Resource::Provenance, Right::Search)?;
        catch_up::<Log>(&self.pool).await?;
        Ok(window.page(workflow_logs::list(&self.pool, filter, window).await?))
    }

    /// How many entries the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &WorkflowLogFilter) -> Result<Total, Fault> {
        caller.require(Resource::Provenance, Right::Search)?;
        catch_up::<Log>(&self.pool).await?;
        Ok(workflow_logs::count(&self.pool, filter).await?)
    }

    /// A page of the entries of each of these accounts, if the caller may search.
    pub(crate) async fn of_users(
        &self,
        caller: &Caller,
        users: &[Uuid],
        filter: &WorkflowLogFilter,
        window: &Window<i64>,
    ) -> Result<Vec<WorkflowLog>, Fault> {
        caller.require(Resource::Provenance, Right::Search)?;
        catch_up::<Log>(&self.pool).await?;
        Ok(workflow_logs::of_users(&self.pool, users, filter, window).await?)
    }

    /// How many entries of each of these accounts the caller would find.
    pub(crate) async fn count_of_users(
        &self,
        caller: &Caller,
        users: &[Uuid],
        filter: &WorkflowLogFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        caller.require(Resource::Provenance, Right::Search)?;
        catch_up::<Log>(&self.pool).await?;
        Ok(workflow_logs::count_of_users(&self.pool, users, filter).await?)
    }

    /// Appends to the log, and seals for the answer.
    pub(crate) async fn add(
        &self,
        caller: &Caller,
        entry: AddWorkflowLog,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<WorkflowLog> {
        caller.require(Resource::Provenance, Right::Create)?;
        let id = self.changes.make_once(&entry, key, caller, now).await?;
        // The entry is there, whatever fails from here on: nobody is told that nothing was done. Its key gives it later.
        let log = self.sealed(id).await.map_err(|error| Fault::Internal(Arc::new(error)))?;
        Ok(log)
    }

    async fn sealed(&self, id: Uuid) -> Result<WorkflowLog, sqlx::Error> {
        seal::<Log>(&self.pool).await?;
        workflow_logs::by_id(&self.pool, &[id]).await?.pop().ok_or(sqlx::Error::RowNotFound)
    }
}

/// An entry as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddWorkflowLog {
    pub action: WorkflowAction,
    pub note: Option<String>,
    pub patient_id: Option<String>,
    pub report_id: Option<String>,
    pub image_id: Option<String>,
    pub occurred_at: Option<DateTime<Utc>>,
}

impl Change for AddWorkflowLog {
    const NAME: &'static str = "addWorkflowLog";
    /// Its id: it has no place before it is committed.
    type Made = Uuid;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Uuid> {
        let entry = self.check(making.id, making.user_id(), making.now)?;
        workflow_logs::append(making.connection(), &entry).await?;
        Ok(entry.id)
    }
}

impl Once for AddWorkflowLog {
    async fn made(&self, id: Uuid, _: &mut PgConnection) -> Result<Option<Uuid>, Fault> {
        // The log only grows.
        Ok(Some(id))
    }
}

impl AddWorkflowLog {
    fn check(&self, id: Uuid, user_id: Uuid, now: DateTime<Utc>) -> Checked<Entry> {
        let mut refusals = Refusals::default();
        let mut parse = |field: &str, value: Option<&str>| {
            value.map(Uuid::try_parse).transpose().unwrap_or_else(|_| {
                refusals.add(field, UserErrorCode::NotFound, "There is no such object");
                None
            })
        };
        let patient_id = parse("patientId", self.patient_id.as_deref());
        let report_id = parse("reportId", self.report_id.as_deref());
        let image_id = parse("imageId", self.image_id.as_deref());
        let occurred_at = self.occurred_at.unwrap_or(now).trunc_subsecs(6);
        if occurred_at > now + AHEAD {
            refusals.add("occurredAt", UserErrorCode::OutOfRange, "What is logged has happened");
        }
        let note = refusals.optional_text("note", self.note.as_deref());
        let action = self.action;
        let entry = Entry { id, occurred_at, recorded_at: now, user_id, action, note, patient_id, report_id, image_id };
        refusals.or(entry)
    }
}
