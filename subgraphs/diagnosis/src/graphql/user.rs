//! What the workflow log adds to an account.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, below, parse_id};
use healthbridge_outcome::{Fault, PageArgs};

use super::workflow_log::{WorkflowLog, WorkflowLogFilter};
use crate::{domain, service::WorkflowLogs, store::workflow_logs};

/// An account that somebody, or a machine, signs in with.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct User {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl User {
    /// What was done by this account, by the workflow log, the newest entry first.
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
        let Some(user) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<LogsOfUser, _>(ctx, user, &args, filter.unwrap_or_default().into()).await
    }
}

below! {
    /// The entries below accounts.
    LogsOfUser = WorkflowLogs::{of_users, count_of_users}(workflow_logs::WorkflowLogFilter; i64) -> domain::WorkflowLog,
        by |log| log.entry.user_id
}

/// How an account is found.
#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    #[graphql(entity)]
    async fn find_user_by_id(&self, id: ID) -> User {
        User { id }
    }
}
