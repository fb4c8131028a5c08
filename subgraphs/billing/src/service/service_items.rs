use std::collections::HashSet;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Page, Refusals, Stop, Total, UserError, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use healthbridge_terms::{Coding, CurrencyCode, Money};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::recorded;
use crate::{
    NAME,
    domain::{Given, ServiceItem},
    store::service_items::{self, ServiceItemFilter},
};

/// The price list.
pub(crate) struct ServiceItems {
    pool: PgPool,
    changes: Changes,
}

impl ServiceItems {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// A page of the price list.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        filter: &ServiceItemFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<ServiceItem>, Fault> {
        caller.require(Resource::ChargeItem, Right::Read)?;
        Ok(window.page(service_items::list(&self.pool, filter, window).await?))
    }

    /// How many items of the price list a filter leaves.
    pub(crate) async fn count(&self, caller: &Caller, filter: &ServiceItemFilter) -> Result<Total, Fault> {
        caller.require(Resource::ChargeItem, Right::Read)?;
        Ok(service_items::count(&self.pool, filter).await?)
    }

    /// Puts a service on the price list.
    pub(crate) async fn add(
        &self,
        caller: &Caller,
        item: AddServiceItem,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<ServiceItem> {
        caller.require(Resource::ChargeItem, Right::Create)?;
        self.changes.make_once(&item, Some(key), caller, now).await
    }

    /// Takes a service off the price list from a day on. What was charged by it stays as it is.
    pub(crate) async fn retire(
        &self,
        caller: &Caller,
        retire: RetireServiceItem,
        now: DateTime<Utc>,
    ) -> Outcome<ServiceItem> {
        caller.require(Resource::ChargeItem, Right::Update)?;
        self.changes.make(&retire, caller, now).await
    }
}

/// A service to be put on the price list, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddServiceItem {
    pub code: Option<Coding>,
    pub name: String,
    pub prices: Vec<Given>,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
}

impl Change for AddServiceItem {
    const NAME: &'static str = "addServiceItem";
    type Made = ServiceItem;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ServiceItem> {
        let item = self.check(making.id, making.now.date_naive())?;
        let recorded = recorded(making);
        service_items::insert(making.connection(), &item, recorded).await?;
        Ok(item)
    }
}

impl Once for AddServiceItem {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<ServiceItem>, Fault> {
        Ok(service_items::by_id(connection, &[id]).await?.into_iter().next())
    }
}

impl AddServiceItem {
    fn check(&self, id: Uuid, today: NaiveDate) -> Checked<ServiceItem> {
        let mut refusals = Refusals::default();
        let code = self.code.as_ref().map(|code| refusals.coding("code", code));
        let name = refusals.line("name", &self.name);
        let valid_from = self.valid_from.unwrap_or(today);
        if valid_from.year() < 1900 || valid_from.year() > 9999 {
            refusals.add("validFrom", UserErrorCode::OutOfRange, "The first day is between the years 1900 and 9999");
        }
        if self.valid_to.is_some_and(|end| end < valid_from || end.year() > 9999) {
            refusals.add("validTo", UserErrorCode::OutOfRange, "The last day is not before the first");
        }
        if self.prices.is_empty() {
            refusals.add("prices", UserErrorCode::Required, "A service has a price in at least one currency");
        }
        let (mut prices, mut seen) = (Vec::new(), HashSet::new());
        for (place, (amount, currency)) in self.prices.iter().enumerate() {
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
                    refusals.add(
                        &format!("prices.{place}.amount"),
                        UserErrorCode::OutOfRange,
                        "A price is not negative",
                    );
                }
                Err(error) => {
                    refusals.add(&format!("prices.{place}.amount"), UserErrorCode::OutOfRange, error.to_string());
                }
            }
        }
        prices.sort_by_key(|price| price.currency().as_str());
        refusals.or(ServiceItem { id, code, name, prices, valid_from, valid_to: self.valid_to, version: 1 })
    }
}

/// A service to be taken off the price list, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct RetireServiceItem {
    pub service_item_id: String,
    pub expected_version: i32,
    pub valid_to: Option<NaiveDate>,
}

impl Change for RetireServiceItem {
    const NAME: &'static str = "retireServiceItem";
    type Made = ServiceItem;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ServiceItem> {
        let found = match Uuid::try_parse(&self.service_item_id) {
            Ok(id) => service_items::lock(making.connection(), id).await?,
            Err(_) => None,
        };
        let Some(item) = found else {
            let message = "There is no such service on the price list";
            return Err(Stop::refuse("serviceItemId", UserErrorCode::NotFound, message));
        };
        if item.version != self.expected_version {
            return Err(UserError::version_conflict().into());
        }
        let end = self.valid_to.unwrap_or(making.now.date_naive());
        if end < item.valid_from || end.year() > 9999 {
            let message = "The last day is not before the first";
            return Err(Stop::refuse("validTo", UserErrorCode::OutOfRange, message));
        }
        service_items::retire(making.connection(), item.id, end).await?;
        Ok(ServiceItem { valid_to: Some(end), version: item.version + 1, ..item })
    }
}
