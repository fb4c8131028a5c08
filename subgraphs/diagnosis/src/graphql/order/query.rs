use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{Code, Connection, batch, caller, entity, listed, now, service, total, window};
use healthbridge_outcome::{Cursor, Fault, PageArgs};

use super::{ImagingOrder, ImagingOrderFilter};
use crate::{
    domain::{self, ImagingWorklist},
    service::{Asked, Orders, Worklists},
};

batch! {
    /// The orders with these ids.
    pub(super) OrderById = Orders::by_id() -> domain::ImagingOrder, by |order| order.id
}

/// How orders are found.
#[derive(Default)]
pub(crate) struct OrderQuery;

#[Object]
impl OrderQuery {
    /// An order for imaging; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ServiceRequest.r",
        requires_scopes = "patient/ServiceRequest.r",
        requires_scopes = "system/ServiceRequest.r"
    )]
    async fn imaging_order(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ImagingOrder>, Fault> {
        Ok(entity::<OrderById>(ctx, &id).await?.map(ImagingOrder))
    }

    /// The orders for imaging of all patients, the newest first.
    #[graphql(requires_scopes = "user/ServiceRequest.s", requires_scopes = "system/ServiceRequest.s")]
    async fn imaging_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which orders.")] filter: Option<ImagingOrderFilter>,
    ) -> Result<Option<Connection<ImagingOrder>>, Fault> {
        let window = window::<ImagingOrder>(&PageArgs::new(first, after, last, before)?)?;
        let (orders, filter) = (service::<Orders>(ctx), filter.unwrap_or_default().into());
        let page = orders.search(caller(ctx), &filter, &window);
        listed(ctx, page, orders.count(caller(ctx), &filter)).await
    }

    /// What is to be done with orders: STAT first, then what is due first. TO_ACQUIRE is for technologists, TO_READ for
    /// radiologists, RESULTS for those who order.
    #[graphql(requires_scopes = "user/ServiceRequest.s", requires_scopes = "system/ServiceRequest.s")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn imaging_worklist(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done.")] list: Code<ImagingWorklist>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(
            default = true,
            desc = "Of TO_READ only what the caller is assigned to, of RESULTS only what the caller ordered; what is to be acquired is everybody's."
        )]
        mine: bool,
    ) -> Result<Option<Connection<ImagingOrder>>, Fault> {
        let kind = match list.0 {
            ImagingWorklist::ToAcquire => "orders-to-acquire",
            ImagingWorklist::ToRead => "orders-to-read",
            ImagingWorklist::Results => "orders-results",
        };
        let window = PageArgs::new(first, after, last, before)?.window(kind)?;
        let (worklists, asked) = (service::<Worklists>(ctx), Asked { list: list.0, mine, now: now() });
        let page = worklists.page(caller(ctx), asked, &window);
        let (page, total) = tokio::join!(page, total(ctx, worklists.count(caller(ctx), asked)));
        let place =
            |order: &domain::ImagingOrder| Cursor::write(kind, &(order.priority.rank(), order.due_at, order.id));
        Ok(Some(Connection::new(page?, place, |order| ImagingOrder(order.into())).counted(total)))
    }

    #[graphql(entity)]
    async fn find_imaging_order_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ImagingOrder>, Fault> {
        Ok(entity::<OrderById>(ctx, &id).await?.map(ImagingOrder))
    }
}
