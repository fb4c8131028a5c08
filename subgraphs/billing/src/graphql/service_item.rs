//! The price list.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Coding, Date, Outcome, UserError, caller, now, parse_id};
use uuid::Uuid;

use super::{
    mutation::ServiceCodeInput,
    scalar::{Money, MoneyInput},
};
use crate::{Service, domain, service::AddServiceItem, store::ServiceItemFilter as StoreFilter};

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "service-item";

/// A service of the price list (FHIR ChargeItemDefinition).
#[derive(SimpleObject)]
pub(crate) struct ServiceItem {
    /// Our id, a UUIDv7.
    id: ID,
    /// The code of the service: CPT, HCPCS or the hospital's own.
    code: Option<Coding>,
    /// What it is called.
    name: String,
    /// What one costs, in each currency that it is offered in.
    prices: Vec<Money>,
    /// The first day on which it can be charged.
    valid_from: Date,
    /// The day from which on it can no longer be.
    valid_to: Option<Date>,
    /// Counts changes, from 1.
    version: i32,
}

impl From<domain::ServiceItem> for ServiceItem {
    fn from(item: domain::ServiceItem) -> Self {
        Self {
            id: item.id.into(),
            code: item.code,
            name: item.name,
            prices: item.prices.into_iter().map(Money::from).collect(),
            valid_from: Date(item.valid_from),
            valid_to: item.valid_to.map(Date),
            version: item.version,
        }
    }
}

/// Which services of the price list are shown; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct ServiceItemFilter {
    /// The beginning of the name, in any case.
    search: Option<String>,
    /// A whole code, in whichever system.
    code: Option<String>,
    /// Those that can be charged on this day.
    valid_on: Option<Date>,
}

/// The store's filter.
pub(crate) fn filter(input: Option<ServiceItemFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    StoreFilter { search: filter.search, code: filter.code, valid_on: filter.valid_on.map(|date| date.0) }
}

/// A service to be put on the price list.
#[derive(InputObject)]
pub(crate) struct AddServiceItemInput {
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// What it is called.
    name: String,
    /// What one costs, in each currency once.
    prices: Vec<MoneyInput>,
    /// The first day on which it can be charged; today where it is left out.
    valid_from: Option<Date>,
    /// The day from which on it can no longer be.
    valid_to: Option<Date>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// A service to be taken off the price list.
#[derive(InputObject)]
pub(crate) struct RetireServiceItemInput {
    /// The service.
    service_item_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The day from which on it can no longer be charged; today where it is left out.
    valid_to: Option<Date>,
}

/// A service of the price list, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct ServiceItemPayload {
    /// The service.
    service_item: Option<ServiceItem>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<domain::ServiceItem>> for ServiceItemPayload {
    fn from(outcome: Outcome<domain::ServiceItem>) -> Self {
        match outcome {
            Ok(item) => Self { service_item: Some(item.into()), user_errors: Vec::new() },
            Err(user_errors) => Self { service_item: None, user_errors },
        }
    }
}

/// The mutations of the price list.
#[derive(Default)]
pub(crate) struct PriceListMutation;

/// The mutations of the price list.
#[Object]
impl PriceListMutation {
    /// Puts a service on the price list. Another price is another service: retire the one, and add the other.
    #[graphql(requires_scopes = "user/ChargeItem.c", requires_scopes = "system/ChargeItem.c")]
    async fn add_service_item(
        &self,
        ctx: &Context<'_>,
        input: AddServiceItemInput,
    ) -> Result<Option<ServiceItemPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = AddServiceItem {
            code: input.code.map(Coding::from),
            name: input.name,
            prices: input.prices.into_iter().map(MoneyInput::into_parts).collect(),
            valid_from: input.valid_from.map(|date| date.0),
            valid_to: input.valid_to.map(|date| date.0),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.add_service_item(caller(ctx), input, key, now()).await?.into()))
    }

    /// Takes a service off the price list. What was charged by it stays as it is.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn retire_service_item(
        &self,
        ctx: &Context<'_>,
        input: RetireServiceItemInput,
    ) -> Result<Option<ServiceItemPayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (id, end) = (parse_id(&input.service_item_id), input.valid_to.map(|date| date.0));
        let retired = service.retire_service_item(caller(ctx), id, input.expected_version, end, now()).await?;
        Ok(Some(retired.into()))
    }
}
