use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use healthbridge_graphql::{Code, Connection, caller, entity, one, service, total};
use healthbridge_outcome::{Cursor, Fault, PageArgs};
use healthbridge_rights::Role;

use super::{User, UserById};
use crate::{
    domain::{Account, UserKind},
    service::Accounts,
    store::accounts::{AccountFilter, AccountKey, AccountOrder},
};

/// Which accounts a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct UserFilter {
    /// Accounts for this kind of holder.
    kind: Option<Code<UserKind>>,
    /// Whether they may sign in.
    active: Option<bool>,
    /// With this role.
    role: Option<Code<Role>>,
    /// The beginning of the email address, in any case.
    search: Option<String>,
}

impl From<UserFilter> for AccountFilter {
    fn from(filter: UserFilter) -> Self {
        Self {
            kind: filter.kind.map(|Code(kind)| kind),
            active: filter.active,
            role: filter.role.map(|Code(role)| role),
            search: filter.search.map(|text| text.to_lowercase()),
        }
    }
}

/// How accounts are found.
#[derive(Default)]
pub(crate) struct UserQuery;

#[Object]
impl UserQuery {
    /// The caller's own account; null for the anonymous.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        match caller(ctx).account() {
            Some(account) => Ok(one::<UserById>(ctx, account.user_id).await?.map(User)),
            None => Ok(None),
        }
    }

    /// An account that somebody, or a machine, signs in with.
    #[graphql(requires_scopes = "user/User.r", requires_scopes = "system/User.r")]
    async fn user(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>, Fault> {
        Ok(entity::<UserById>(ctx, &id).await?.map(User))
    }

    /// The accounts.
    #[graphql(requires_scopes = "user/User.s", requires_scopes = "system/User.s")]
    #[expect(clippy::too_many_arguments, reason = "Relay's paging arguments")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which accounts.")] filter: Option<UserFilter>,
        #[graphql(default_with = "Code(AccountOrder::CreatedAtDesc)", desc = "The order of the list.")] order_by: Code<
            AccountOrder,
        >,
    ) -> Result<Option<Connection<User>>, Fault> {
        let Code(order) = order_by;
        let filter = filter.unwrap_or_default().into();
        let window = PageArgs::new(first, after, last, before)?.window(order.kind())?;
        let accounts = service::<Accounts>(ctx);
        let (page, total) = tokio::join!(
            accounts.search(caller(ctx), &filter, order, &window),
            total(ctx, accounts.count(caller(ctx), &filter)),
        );
        let cursor = |account: &Arc<Account>| {
            Cursor::write(order.kind(), &AccountKey { email: account.email.clone(), id: account.id })
        };
        Ok(Some(Connection::new(page?.map(Arc::new), cursor, User).counted(total)))
    }

    #[graphql(entity)]
    async fn find_user_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>, Fault> {
        Ok(entity::<UserById>(ctx, &id).await?.map(User))
    }
}
