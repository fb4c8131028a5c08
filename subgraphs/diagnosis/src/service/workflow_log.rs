use chrono::{DateTime, Duration, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Page, Refusals, UserError, UserErrorCode, Window};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{Entry, WorkflowAction, WorkflowLog},
    store::{Store, WorkflowLogFilter},
};

/// An entry as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddWorkflowLog {
    pub action: &'static str,
    pub note: Option<String>,
    pub patient_id: Option<String>,
    pub report_id: Option<String>,
    pub image_id: Option<String>,
    pub occurred_at: Option<DateTime<Utc>>,
}

impl Service {
    /// The entries that the caller may read, of these.
    pub(crate) async fn workflow_logs(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<WorkflowLog>, ApiError> {
        if caller.require(Resource::Provenance, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        self.store.workflow_logs_by_id(ids).await.map_err(ApiError::internal)
    }

    /// A page of the log.
    pub(crate) async fn search_workflow_logs(
        &self,
        caller: &Caller,
        filter: &WorkflowLogFilter,
        window: &Window<i64>,
    ) -> Result<Page<WorkflowLog>, ApiError> {
        caller.require(Resource::Provenance, Right::Search)?;
        self.store.list_workflow_logs(filter, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }

    /// Appends to the log.
    pub(crate) async fn add_workflow_log(
        &self,
        caller: &Caller,
        input: AddWorkflowLog,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<WorkflowLog>, ApiError> {
        let account = caller.require(Resource::Provenance, Right::Create)?;
        let id = Uuid::now_v7();
        let key = key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "addWorkflowLog" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.workflow_logs_by_id(&[id]).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        let entry = match check(&input, account.user_id, now.trunc_subsecs(6)) {
            Ok(entry) => Entry { id, ..entry },
            Err(refused) => return Ok(Err(refused)),
        };
        let log = Store::append_workflow_log(&mut transaction, entry).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(log))
    }
}

fn check(input: &AddWorkflowLog, user_id: Uuid, now: DateTime<Utc>) -> Outcome<Entry> {
    let mut refusals = Refusals::default();
    let mut id = |field: &str, value: Option<&str>| {
        let parsed = value.map(Uuid::try_parse).transpose();
        parsed.unwrap_or_else(|_| {
            refusals.add(field, UserErrorCode::NotFound, "There is no such object");
            None
        })
    };
    let patient_id = id("patientId", input.patient_id.as_deref());
    let report_id = id("reportId", input.report_id.as_deref());
    let image_id = id("imageId", input.image_id.as_deref());
    let occurred_at = input.occurred_at.unwrap_or(now).trunc_subsecs(6);
    if occurred_at > now + Duration::minutes(5) {
        refusals.add("occurredAt", UserErrorCode::OutOfRange, "What is logged has happened");
    }
    let note = refusals.optional_text("note", input.note.as_deref());
    refusals.or(Entry {
        id: Uuid::now_v7(),
        occurred_at,
        recorded_at: now,
        user_id,
        action: input.action.parse().unwrap_or(WorkflowAction::Other),
        note,
        patient_id,
        report_id,
        image_id,
    })
}
