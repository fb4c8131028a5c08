use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::{Service, billing_input};
use crate::{
    NAME,
    domain::{Billing, Money, Movement, Recorded, ServiceItem, Wanted},
    store::Store,
};

/// A billing to be made, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddBilling {
    pub patient_id: String,
    pub report_id: Option<String>,
    pub image_id: Option<String>,
    pub appointment_id: Option<String>,
    pub code: Option<Coding>,
    pub description: Option<String>,
    pub quantity: Decimal,
    /// The price of one; the price list's where it is left out.
    pub unit_price: Option<(Decimal, String)>,
    pub service_item_id: Option<String>,
    /// Which of the price list's prices.
    pub currency: Option<String>,
    pub components: Vec<Wanted>,
    pub serviced_at: Option<DateTime<Utc>>,
}

impl Service {
    /// Makes a billing. It is owed at once.
    pub(crate) async fn add_billing(
        &self,
        caller: &Caller,
        input: AddBilling,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Billing>, ApiError> {
        let account = caller.require(Resource::ChargeItem, Right::Create)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let id = Uuid::now_v7();
        // Before anything is looked at: what was charged was, whatever became of the price list since.
        let key = idempotency::Key { key, caller: account.user_id, operation: "addBilling" };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        let item = match input.service_item_id.as_deref().map(Uuid::try_parse) {
            Some(Ok(id)) => {
                let found = Store::service_items_by_id(&mut *transaction, &[id]).await;
                found.map_err(ApiError::internal)?.into_iter().next()
            }
            Some(Err(_)) | None => None,
        };
        let billing = match check(&input, item, recorded) {
            Ok(billing) => Billing { id, ..billing },
            Err(refused) => return Ok(Err(refused)),
        };
        Store::insert(&mut transaction, &billing).await.map_err(ApiError::internal)?;
        let charge = Movement::charge(&billing, recorded);
        Store::insert_movement(&mut transaction, &charge).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(billing))
    }
}

fn check(input: &AddBilling, item: Option<ServiceItem>, recorded: Recorded) -> Outcome<Billing> {
    let mut refusals = Refusals::default();
    let mut id = |field: &str, text: Option<&str>, what: &str| match text.map(Uuid::try_parse) {
        Some(Err(_)) => {
            refusals.add(field, UserErrorCode::NotFound, format!("There is no such {what}"));
            None
        }
        Some(Ok(id)) => Some(id),
        None => None,
    };
    let patient_id = id("patientId", Some(&input.patient_id), "patient");
    let report_id = id("reportId", input.report_id.as_deref(), "report");
    let image_id = id("imageId", input.image_id.as_deref(), "image");
    let appointment_id = id("appointmentId", input.appointment_id.as_deref(), "appointment");
    let serviced_at = input.serviced_at.unwrap_or(recorded.at).trunc_subsecs(6);
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let code = code.or_else(|| item.as_ref().and_then(|item| item.code.clone()));
    let name = item.as_ref().map(|item| item.name.as_str());
    let display = input.code.as_ref().and_then(|code| code.display.as_deref()).or(name);
    let description = refusals.line("description", input.description.as_deref().or(display).unwrap_or_default());
    billing_input::quantity(&mut refusals, input.quantity);
    let unit_price = match (&input.unit_price, &input.service_item_id) {
        (Some((amount, currency)), None) => billing_input::unit_price(&mut refusals, *amount, currency),
        (None, Some(_)) => listed_price(&mut refusals, item.as_ref(), input.currency.as_deref(), serviced_at),
        (Some(_), Some(_)) => {
            let message = "The price is either given or the price list's";
            refusals.add("unitPrice", UserErrorCode::NotAllowed, message);
            None
        }
        (None, None) => {
            refusals.add(
                "unitPrice",
                UserErrorCode::Required,
                "A billing has a price, or names a service of the price list",
            );
            None
        }
    };
    let price = unit_price
        .and_then(|unit_price| billing_input::price(&mut refusals, unit_price, input.quantity, &input.components));
    let (Some(unit_price), Some(price)) = (unit_price, price) else {
        return Err(refusals.or(()).err().unwrap_or_default());
    };
    let billing = Billing::new(
        patient_id.unwrap_or_default(),
        description,
        input.quantity,
        unit_price,
        price,
        serviced_at,
        recorded,
    );
    refusals.or(Billing {
        report_id,
        image_id,
        appointment_id,
        service_item_id: item.map(|item| item.id),
        code,
        ..billing
    })
}

/// The price of one by the price list; what is wrong with it is refused.
fn listed_price(
    refusals: &mut Refusals,
    item: Option<&ServiceItem>,
    currency: Option<&str>,
    serviced_at: DateTime<Utc>,
) -> Option<Money> {
    let Some(item) = item else {
        refusals.add("serviceItemId", UserErrorCode::NotFound, "There is no such service on the price list");
        return None;
    };
    if !item.is_valid_on(serviced_at.date_naive()) {
        let message = "The service was not on the price list when it was given";
        refusals.add("serviceItemId", UserErrorCode::OutOfRange, message);
    }
    let price = item.price_in(currency.and_then(|currency| currency.parse().ok()));
    if price.is_none() {
        let message = if currency.is_some() {
            "The service has no price in this currency"
        } else {
            "The service has prices in several currencies: name one"
        };
        refusals.add("currency", UserErrorCode::CurrencyMismatch, message);
    }
    price
}
