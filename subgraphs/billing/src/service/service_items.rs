use std::collections::HashSet;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Page, Refusals, UserError, UserErrorCode, Window};
use healthbridge_postgres::idempotency::{self, Begin};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{CurrencyCode, Money, Recorded, ServiceItem},
    store::{ServiceItemFilter, Store},
};

/// A service to be put on the price list, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddServiceItem {
    pub code: Option<Coding>,
    pub name: String,
    pub prices: Vec<(Decimal, String)>,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
}

impl Service {
    /// Puts a service on the price list.
    pub(crate) async fn add_service_item(
        &self,
        caller: &Caller,
        input: AddServiceItem,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<ServiceItem>, ApiError> {
        let account = caller.require(Resource::ChargeItem, Right::Create)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let id = Uuid::now_v7();
        let key = idempotency::Key { key, caller: account.user_id, operation: "addServiceItem" };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = Store::service_items_by_id(self.store.pool(), &[id]).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        let item = match check(&input, recorded.at.date_naive()) {
            Ok(item) => ServiceItem { id, ..item },
            Err(refused) => return Ok(Err(refused)),
        };
        Store::insert_service_item(&mut transaction, &item, recorded).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(item))
    }

    /// Takes a service off the price list from a day on. What was charged by it stays as it is.
    pub(crate) async fn retire_service_item(
        &self,
        caller: &Caller,
        id: Option<Uuid>,
        expected_version: i32,
        valid_to: Option<NaiveDate>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<ServiceItem>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Update)?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = match id {
            Some(id) => Store::lock_service_item(&mut transaction, id).await.map_err(ApiError::internal)?,
            None => None,
        };
        let Some(mut item) = found else {
            let message = "There is no such service on the price list";
            return Ok(Err(vec![UserError::at("serviceItemId", UserErrorCode::NotFound, message)]));
        };
        if item.version != expected_version {
            return Ok(Err(vec![UserError::version_conflict()]));
        }
        let end = valid_to.unwrap_or(now.date_naive());
        if end < item.valid_from || end.year() > 9999 {
            let message = "The last day is not before the first";
            return Ok(Err(vec![UserError::at("validTo", UserErrorCode::OutOfRange, message)]));
        }
        Store::retire_service_item(&mut transaction, item.id, end).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        item.valid_to = Some(end);
        item.version += 1;
        Ok(Ok(item))
    }

    /// A page of the price list.
    pub(crate) async fn service_items(
        &self,
        caller: &Caller,
        filter: &ServiceItemFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<ServiceItem>, ApiError> {
        caller.require(Resource::ChargeItem, Right::Read)?;
        let rows = self.store.list_service_items(filter, window).await;
        rows.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }
}

fn check(input: &AddServiceItem, today: NaiveDate) -> Outcome<ServiceItem> {
    let mut refusals = Refusals::default();
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let name = refusals.line("name", &input.name);
    let valid_from = input.valid_from.unwrap_or(today);
    if valid_from.year() < 1900 || valid_from.year() > 9999 {
        refusals.add("validFrom", UserErrorCode::OutOfRange, "The first day is between the years 1900 and 9999");
    }
    if input.valid_to.is_some_and(|end| end < valid_from || end.year() > 9999) {
        refusals.add("validTo", UserErrorCode::OutOfRange, "The last day is not before the first");
    }
    if input.prices.is_empty() {
        refusals.add("prices", UserErrorCode::Required, "A service has a price in at least one currency");
    }
    let (mut prices, mut seen) = (Vec::new(), HashSet::new());
    for (place, (amount, currency)) in input.prices.iter().enumerate() {
        let Ok(currency) = currency.parse::<CurrencyCode>() else {
            refusals.add(&format!("prices.{place}.currency"), UserErrorCode::InvalidFormat, "This is no currency");
            continue;
        };
        if !seen.insert(currency) {
            let message = "The service has a price in this currency already";
            refusals.add(&format!("prices.{place}.currency"), UserErrorCode::AlreadyExists, message);
        }
        match Money::new(*amount, currency) {
            Ok(price) if !price.is_negative() => prices.push(price),
            Ok(_) => {
                refusals.add(&format!("prices.{place}.amount"), UserErrorCode::OutOfRange, "A price is not negative");
            }
            Err(error) => {
                refusals.add(&format!("prices.{place}.amount"), UserErrorCode::OutOfRange, error.to_string());
            }
        }
    }
    prices.sort_by_key(|price| price.currency().as_str());
    refusals.or(ServiceItem {
        id: Uuid::now_v7(),
        code,
        name,
        prices,
        valid_from,
        valid_to: input.valid_to,
        version: 1,
    })
}
