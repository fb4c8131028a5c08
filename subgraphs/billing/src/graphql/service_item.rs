//! The price list.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Coding, Connection, Date, List, UserError, caller, listed, now, service, settled, window};
use healthbridge_outcome::{Fault, Outcome, PageArgs};
use uuid::Uuid;

use super::{
    money::{Money, MoneyInput},
    price::ServiceCodeInput,
};
use crate::{
    domain,
    service::{AddServiceItem, RetireServiceItem, ServiceItems},
    store::service_items,
};

/// A service of the price list (FHIR ChargeItemDefinition).
#[derive(SimpleObject)]
pub(crate) struct ServiceItem {
    /// The id in this system, a UUIDv7.
    id: ID,
    /// The code of the service: CPT, HCPCS or the hospital's own.
    code: Option<Coding>,
    /// The name of the service.
    name: String,
    /// The price of one unit, in each currency in which the service is offered.
    prices: Vec<Money>,
    /// The first day on which it can be charged.
    valid_from: Date,
    /// The first day on which it can no longer be charged; null where it is offered without end.
    valid_to: Option<Date>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    version: i32,
}

impl From<&domain::ServiceItem> for ServiceItem {
    fn from(item: &domain::ServiceItem) -> Self {
        Self {
            id: item.id.into(),
            code: item.code.as_ref().map(Coding::from),
            name: item.name.clone(),
            prices: item.prices.iter().copied().map(Money::from).collect(),
            valid_from: Date(item.valid_from),
            valid_to: item.valid_to.map(Date),
            version: item.version,
        }
    }
}

impl List for ServiceItem {
    const ORDER: &'static str = "service-item";
    type Row = domain::ServiceItem;
    type Place = Uuid;

    fn place(item: &domain::ServiceItem) -> Uuid {
        item.id
    }

    fn node(item: Arc<domain::ServiceItem>) -> Self {
        Self::from(&*item)
    }
}

/// Which services of the price list are shown; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct ServiceItemFilter {
    /// The beginning of the name, in any case.
    search: Option<String>,
    /// A whole code, in whichever system.
    code: Option<String>,
    /// Those that can be charged on this day.
    valid_on: Option<Date>,
}

impl From<ServiceItemFilter> for service_items::ServiceItemFilter {
    fn from(filter: ServiceItemFilter) -> Self {
        Self { search: filter.search, code: filter.code, valid_on: filter.valid_on.map(|date| date.0) }
    }
}

/// How the price list is read.
#[derive(Default)]
pub(super) struct PriceListQuery;

#[Object]
impl PriceListQuery {
    /// The price list, the newest service first.
    #[graphql(requires_scopes = "user/ChargeItem.r", requires_scopes = "system/ChargeItem.r")]
    async fn service_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which services.")] filter: Option<ServiceItemFilter>,
    ) -> Result<Option<Connection<ServiceItem>>, Fault> {
        let window = window::<ServiceItem>(&PageArgs::new(first, after, last, before)?)?;
        let (service_items, filter) = (service::<ServiceItems>(ctx), filter.unwrap_or_default().into());
        let page = service_items.list(caller(ctx), &filter, &window);
        listed(ctx, page, service_items.count(caller(ctx), &filter)).await
    }
}

/// A service to be put on the price list.
#[derive(InputObject)]
pub(crate) struct AddServiceItemInput {
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// The name of the service.
    name: String,
    /// The price of one unit, once for each currency.
    prices: Vec<MoneyInput>,
    /// The first day on which it can be charged; today where it is left out.
    valid_from: Option<Date>,
    /// The first day on which it can no longer be charged; null where it is offered without end.
    valid_to: Option<Date>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// A service to be taken off the price list.
#[derive(InputObject)]
pub(crate) struct RetireServiceItemInput {
    /// The service, in plain text.
    service_item_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The first day on which it can no longer be charged; today where it is left out.
    valid_to: Option<Date>,
}

/// A service of the price list, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ServiceItemPayload {
    /// The service, in plain text.
    service_item: Option<ServiceItem>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl ServiceItemPayload {
    fn of(outcome: Outcome<domain::ServiceItem>) -> Result<Option<Self>, Fault> {
        let (item, user_errors) = settled(outcome)?;
        Ok(Some(Self { service_item: item.as_ref().map(ServiceItem::from), user_errors }))
    }
}

/// What is done with the price list.
#[derive(Default)]
pub(super) struct PriceListMutation;

#[Object]
impl PriceListMutation {
    /// Puts a service on the price list. Another price is another service: retire the one, and add the other.
    #[graphql(requires_scopes = "user/ChargeItem.c", requires_scopes = "system/ChargeItem.c")]
    async fn add_service_item(
        &self,
        ctx: &Context<'_>,
        input: AddServiceItemInput,
    ) -> Result<Option<ServiceItemPayload>, Fault> {
        let key = input.idempotency_key;
        let item = AddServiceItem {
            code: input.code.map(Into::into),
            name: input.name,
            prices: input.prices.into_iter().map(MoneyInput::into_parts).collect(),
            valid_from: input.valid_from.map(|date| date.0),
            valid_to: input.valid_to.map(|date| date.0),
        };
        ServiceItemPayload::of(service::<ServiceItems>(ctx).add(caller(ctx), item, key, now()).await)
    }

    /// Takes a service off the price list. What was charged by it stays as it is.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn retire_service_item(
        &self,
        ctx: &Context<'_>,
        input: RetireServiceItemInput,
    ) -> Result<Option<ServiceItemPayload>, Fault> {
        let retire = RetireServiceItem {
            service_item_id: input.service_item_id.0,
            expected_version: input.expected_version,
            valid_to: input.valid_to.map(|date| date.0),
        };
        ServiceItemPayload::of(service::<ServiceItems>(ctx).retire(caller(ctx), retire, now()).await)
    }
}
