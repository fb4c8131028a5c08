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
    domain::{Billing, ChargeItemStatus, Money, Movement, Recorded, Wanted},
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
    pub amount: Decimal,
    pub currency: String,
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
        let billing = match check(&input, recorded) {
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
        let charge = Movement::charge(&billing, recorded);
        Store::insert_movement(&mut transaction, &charge).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(billing))
    }
}

fn check(input: &AddBilling, recorded: Recorded) -> Outcome<Billing> {
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
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let display = input.code.as_ref().and_then(|code| code.display.as_deref());
    let description = refusals.line("description", input.description.as_deref().or(display).unwrap_or_default());
    billing_input::quantity(&mut refusals, input.quantity);
    let unit_price = billing_input::unit_price(&mut refusals, input.amount, &input.currency);
    let price = unit_price
        .and_then(|unit_price| billing_input::price(&mut refusals, unit_price, input.quantity, &input.components));
    let (Some(unit_price), Some(price)) = (unit_price, price) else {
        return Err(refusals.or(()).err().unwrap_or_default());
    };
    let nothing = Money::zero(price.net.currency());
    refusals.or(Billing {
        id: Uuid::now_v7(),
        patient_id: patient_id.unwrap_or_default(),
        report_id,
        image_id,
        appointment_id,
        invoice_id: None,
        code,
        description,
        quantity: input.quantity.normalize(),
        unit_price,
        price,
        paid: nothing,
        refunded: nothing,
        status: ChargeItemStatus::Billable,
        serviced_at: input.serviced_at.unwrap_or(recorded.at).trunc_subsecs(6),
        created_at: recorded.at,
        created_by: recorded.by,
        version: 1,
    })
}
