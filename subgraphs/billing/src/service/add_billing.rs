use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{
    NAME,
    domain::{Billing, ChargeItemStatus, CurrencyCode, Money},
    store::Store,
};

/// A billing to be made, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddBilling {
    pub patient_id: String,
    pub report_id: Option<String>,
    pub image_id: Option<String>,
    pub code: Option<Coding>,
    pub description: Option<String>,
    pub quantity: Decimal,
    pub amount: Decimal,
    pub currency: String,
    pub serviced_at: Option<DateTime<Utc>>,
}

/// NUMERIC(12, 4) in the database.
const MAX_QUANTITY: i64 = 99_999_999;

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
        let billing = match check(&input, account.user_id, now) {
            Ok(billing) => billing,
            Err(refused) => return Ok(Err(refused)),
        };
        let key = idempotency::Key { key, caller: account.user_id, operation: "addBilling" };
        let begun = idempotency::begin(self.store.pool(), NAME, Some(key), &input, billing.id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        Store::insert(&mut transaction, &billing).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(billing))
    }
}

fn check(input: &AddBilling, caller: Uuid, now: DateTime<Utc>) -> Outcome<Billing> {
    let mut refusals = Refusals::default();
    let patient_id = Uuid::try_parse(&input.patient_id);
    if patient_id.is_err() {
        refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
    }
    let report_id = input.report_id.as_deref().map(Uuid::try_parse).transpose();
    if report_id.is_err() {
        refusals.add("reportId", UserErrorCode::NotFound, "There is no such report");
    }
    let image_id = input.image_id.as_deref().map(Uuid::try_parse).transpose();
    if image_id.is_err() {
        refusals.add("imageId", UserErrorCode::NotFound, "There is no such image");
    }
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let display = input.code.as_ref().and_then(|code| code.display.as_deref());
    let description = refusals.line("description", input.description.as_deref().or(display).unwrap_or_default());
    let quantity = input.quantity;
    let is_countable = quantity.is_sign_positive() && !quantity.is_zero() && quantity <= Decimal::from(MAX_QUANTITY);
    if !is_countable || quantity.normalize().scale() > 4 {
        let message = format!("A quantity is above 0, at most {MAX_QUANTITY}, with at most 4 decimals");
        refusals.add("quantity", UserErrorCode::OutOfRange, message);
    }
    if input.amount.is_sign_negative() && !input.amount.is_zero() {
        refusals.add("unitPrice.amount", UserErrorCode::OutOfRange, "A price is not negative");
    }
    let prices = price(input, &mut refusals);
    let Some((unit_price, net)) = prices else { return Err(refusals.or(()).err().unwrap_or_default()) };
    let nothing = Money::zero(net.currency());
    let now = now.trunc_subsecs(6);
    refusals.or(Billing {
        id: Uuid::now_v7(),
        patient_id: patient_id.unwrap_or_default(),
        report_id: report_id.unwrap_or_default(),
        image_id: image_id.unwrap_or_default(),
        code,
        description,
        quantity: quantity.normalize(),
        unit_price,
        net,
        paid: nothing,
        refunded: nothing,
        status: ChargeItemStatus::Billable,
        serviced_at: input.serviced_at.unwrap_or(now).trunc_subsecs(6),
        created_at: now,
        created_by: caller,
        version: 1,
    })
}

/// The price of one and of all; what is wrong with it is refused.
fn price(input: &AddBilling, refusals: &mut Refusals) -> Option<(Money, Money)> {
    let currency = input.currency.parse::<CurrencyCode>();
    let currency =
        currency.map_err(|error| refusals.add("unitPrice.currency", UserErrorCode::InvalidFormat, error.to_string()));
    let unit = Money::new(input.amount, currency.ok()?);
    let unit =
        unit.map_err(|error| refusals.add("unitPrice.amount", UserErrorCode::OutOfRange, error.to_string())).ok()?;
    let net = unit.times(input.quantity);
    let net = net.map_err(|error| refusals.add("quantity", UserErrorCode::OutOfRange, error.to_string())).ok()?;
    Some((unit, net))
}
