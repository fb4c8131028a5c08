use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{
    BigInt, Code, Connection, List, Time, UserError, batch, caller, codes, entity, listed, now, one, parse_id, service,
    settled, window,
};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    image::MedicalImage,
    patient::Patient,
    reference::User,
    report::{DiagnosisReport, ReportById},
};
use crate::{
    domain::{self, WorkflowAction},
    service::{AddWorkflowLog, WorkflowLogs},
    store::workflow_logs,
};

/// An entry of the workflow log (FHIR Provenance), which only grows: each entry's hash covers the one before it.
pub(crate) struct WorkflowLog(pub(crate) Arc<domain::WorkflowLog>);

/// An entry of the workflow log (FHIR Provenance), which only grows: each entry's hash covers the one before it.
#[Object]
impl WorkflowLog {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.entry.id.into()
    }

    /// The entry's position in the log, from 1, without gaps.
    async fn seq(&self) -> BigInt {
        BigInt(self.0.seq)
    }

    /// When the action took place.
    async fn occurred_at(&self) -> Time {
        self.0.entry.occurred_at.into()
    }

    /// When the entry was recorded.
    async fn recorded_at(&self) -> Time {
        self.0.entry.recorded_at.into()
    }

    /// The account that took the action. Null where the caller may not see it, or the part of the system that knows it is
    /// unavailable.
    async fn user(&self) -> Option<User> {
        Some(User { id: self.0.entry.user_id.into() })
    }

    /// What was done.
    async fn action(&self) -> Code<WorkflowAction> {
        Code(self.0.entry.action)
    }

    /// A comment in plain text.
    async fn note(&self) -> Option<&str> {
        self.0.entry.note.as_deref()
    }

    /// The patient.
    async fn patient(&self) -> Option<Patient> {
        self.0.entry.patient_id.map(|id| Patient { id: id.into() })
    }

    /// The report, if the caller may read it.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<DiagnosisReport>, Fault> {
        match self.0.entry.report_id {
            Some(id) => Ok(one::<ReportById>(ctx, id).await?.map(DiagnosisReport)),
            None => Ok(None),
        }
    }

    /// The image.
    async fn image(&self) -> Option<MedicalImage> {
        self.0.entry.image_id.map(|id| MedicalImage { id: id.into() })
    }

    /// The hash of the entry before, lower-case hexadecimal; 64 zeros before the first.
    async fn prev_hash(&self) -> &str {
        &self.0.prev_hash
    }

    /// SHA-256 over this entry and `prevHash`, lower-case hexadecimal.
    async fn hash(&self) -> &str {
        &self.0.hash
    }
}

impl List for WorkflowLog {
    const ORDER: &'static str = "workflow-log";
    type Row = domain::WorkflowLog;
    type Place = i64;

    fn place(log: &domain::WorkflowLog) -> i64 {
        log.seq
    }

    fn node(log: Arc<domain::WorkflowLog>) -> Self {
        Self(log)
    }
}

/// Which entries a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct WorkflowLogFilter {
    /// Done by this account.
    user_id: Option<ID>,
    /// About this patient.
    patient_id: Option<ID>,
    /// About this report.
    report_id: Option<ID>,
    /// One of these actions.
    action: Option<Vec<Code<WorkflowAction>>>,
    /// Happened then or later.
    from: Option<Time>,
    /// Happened before.
    to: Option<Time>,
}

impl From<WorkflowLogFilter> for workflow_logs::WorkflowLogFilter {
    fn from(filter: WorkflowLogFilter) -> Self {
        // What is no id of ours names nothing, about which there is no entry.
        let id = |id: Option<ID>| id.map(|id| parse_id(&id).unwrap_or_default());
        Self {
            user_id: id(filter.user_id),
            patient_id: id(filter.patient_id),
            report_id: id(filter.report_id),
            actions: codes(filter.action),
            from: filter.from.map(Into::into),
            to: filter.to.map(Into::into),
        }
    }
}

batch! {
    /// The entries with these ids.
    WorkflowLogById = WorkflowLogs::by_id() -> domain::WorkflowLog, by |log| log.entry.id
}

/// How entries are found.
#[derive(Default)]
pub(super) struct WorkflowLogQuery;

#[Object]
impl WorkflowLogQuery {
    /// The workflow log, the newest entry first.
    #[graphql(requires_scopes = "user/Provenance.s", requires_scopes = "system/Provenance.s")]
    async fn workflow_logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which entries.")] filter: Option<WorkflowLogFilter>,
    ) -> Result<Option<Connection<WorkflowLog>>, Fault> {
        let window = window::<WorkflowLog>(&PageArgs::new(first, after, last, before)?)?;
        let (workflow_logs, filter) = (service::<WorkflowLogs>(ctx), filter.unwrap_or_default().into());
        let page = workflow_logs.search(caller(ctx), &filter, &window);
        listed(ctx, page, workflow_logs.count(caller(ctx), &filter)).await
    }

    /// An entry of the workflow log.
    #[graphql(requires_scopes = "user/Provenance.r", requires_scopes = "system/Provenance.r")]
    async fn workflow_log(&self, ctx: &Context<'_>, id: ID) -> Result<Option<WorkflowLog>, Fault> {
        Ok(entity::<WorkflowLogById>(ctx, &id).await?.map(WorkflowLog))
    }

    #[graphql(entity)]
    async fn find_workflow_log_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<WorkflowLog>, Fault> {
        Ok(entity::<WorkflowLogById>(ctx, &id).await?.map(WorkflowLog))
    }
}

/// What is to be logged.
#[derive(InputObject)]
pub(crate) struct AddWorkflowLogInput {
    /// What was done.
    action: Code<WorkflowAction>,
    /// A comment in plain text.
    note: Option<String>,
    /// The patient.
    patient_id: Option<ID>,
    /// The report.
    report_id: Option<ID>,
    /// The image.
    image_id: Option<ID>,
    /// When it happened; now where it is left out.
    occurred_at: Option<Time>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<AddWorkflowLogInput> for AddWorkflowLog {
    fn from(input: AddWorkflowLogInput) -> Self {
        Self {
            action: input.action.0,
            note: input.note,
            patient_id: input.patient_id.map(|id| id.0),
            report_id: input.report_id.map(|id| id.0),
            image_id: input.image_id.map(|id| id.0),
            occurred_at: input.occurred_at.map(Into::into),
        }
    }
}

/// An entry, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct WorkflowLogPayload {
    /// The entry.
    log: Option<WorkflowLog>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// What is done with the log.
#[derive(Default)]
pub(super) struct WorkflowLogMutation;

#[Object]
impl WorkflowLogMutation {
    /// Appends to the workflow log. There is no way to change or delete an entry.
    #[graphql(requires_scopes = "user/Provenance.c", requires_scopes = "system/Provenance.c")]
    async fn add_workflow_log(
        &self,
        ctx: &Context<'_>,
        input: AddWorkflowLogInput,
    ) -> Result<Option<WorkflowLogPayload>, Fault> {
        let key = input.idempotency_key;
        let outcome = service::<WorkflowLogs>(ctx).add(caller(ctx), input.into(), key, now()).await;
        let (log, user_errors) = settled(outcome)?;
        Ok(Some(WorkflowLogPayload { log: log.map(|log| WorkflowLog(Arc::new(log))), user_errors }))
    }
}
