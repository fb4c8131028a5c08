use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, caller, parse_id};

use super::{
    billing::{Billing, BillingFilter, NEWEST_FIRST, filter},
    loaders::Loaders,
    reference::Patient,
};
use crate::{Service, domain};

/// The queries of the subgraph.
pub(crate) struct Query;

async fn billing(ctx: &Context<'_>, id: &ID) -> Result<Option<Billing>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::billing(ctx, id).await?.map(Billing)),
        None => Ok(None),
    }
}

/// The queries of the subgraph.
#[Object]
impl Query {
    /// A billing; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billing(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, ApiError> {
        billing(ctx, &id).await
    }

    /// The billings of all patients, the newest first.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn billings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which billings.")] filter: Option<BillingFilter>,
    ) -> Result<Option<Connection<Billing>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.search(caller(ctx), &self::filter(filter), &window).await?;
        let cursor = |billing: &Arc<domain::Billing>| Cursor::write(NEWEST_FIRST, &billing.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, Billing)))
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient { id }
    }

    #[graphql(entity)]
    async fn find_billing_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, ApiError> {
        billing(ctx, &id).await
    }
}
