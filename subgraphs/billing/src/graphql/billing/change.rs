use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Time, UserError, caller, now, service, settled};
use healthbridge_outcome::{self as outcome, Fault, Outcome};
use uuid::Uuid;

use super::Billing;
use crate::{
    domain,
    graphql::{
        money::{CurrencyCode, Decimal, MoneyInput},
        price::{PriceComponentInput, ServiceCodeInput, wanted},
    },
    service::{AddBilling, Billings, UpdateBilling, VoidBilling},
};

/// A billing to be made.
#[derive(InputObject)]
pub(crate) struct AddBillingInput {
    /// The patient who owes it.
    patient_id: ID,
    /// The report that the billing is for.
    report_id: Option<ID>,
    /// The image that the billing is for.
    image_id: Option<ID>,
    /// The appointment that the billing is for.
    appointment_id: Option<ID>,
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// The service; the code's text where it is left out.
    description: Option<String>,
    /// The quantity of the service, above 0, with at most 4 decimals.
    #[graphql(default_with = "Decimal(rust_decimal::Decimal::ONE)")]
    quantity: Decimal,
    /// The price of one; the price list's where a service of it is named.
    unit_price: Option<MoneyInput>,
    /// The service of the price list whose price it takes, and whose code and name where they are left out.
    service_item_id: Option<ID>,
    /// In which currency the price list's price is taken, where it has several.
    currency: Option<CurrencyCode>,
    /// Surcharges, discounts and taxes.
    components: Option<Vec<PriceComponentInput>>,
    /// When the service was given; now where it is left out.
    serviced_at: Option<Time>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// What changes about a billing. A field that is left out stays as it is.
#[derive(InputObject)]
pub(crate) struct UpdateBillingInput {
    /// The billing.
    billing_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// The service, in plain text.
    description: Option<String>,
    /// The quantity of the service, above 0, with at most 4 decimals.
    quantity: Option<Decimal>,
    /// The price of one unit, in the same currency.
    unit_price: Option<MoneyInput>,
    /// Surcharges, discounts and taxes, all of them.
    components: Option<Vec<PriceComponentInput>>,
    /// When the service was given.
    serviced_at: Option<Time>,
}

/// A billing to be taken back.
#[derive(InputObject)]
pub(crate) struct VoidBillingInput {
    /// The billing.
    billing_id: ID,
    /// The reason, in plain text.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

impl TryFrom<AddBillingInput> for AddBilling {
    type Error = outcome::UserError;

    fn try_from(input: AddBillingInput) -> Result<Self, outcome::UserError> {
        Ok(Self {
            patient_id: input.patient_id.0,
            report_id: input.report_id.map(|id| id.0),
            image_id: input.image_id.map(|id| id.0),
            appointment_id: input.appointment_id.map(|id| id.0),
            code: input.code.map(Into::into),
            description: input.description,
            quantity: input.quantity.0,
            unit_price: input.unit_price.map(MoneyInput::into_parts),
            service_item_id: input.service_item_id.map(|id| id.0),
            currency: input.currency.map(|currency| currency.0.to_string()),
            components: wanted(input.components.unwrap_or_default())?,
            serviced_at: input.serviced_at.map(Into::into),
        })
    }
}

impl TryFrom<UpdateBillingInput> for UpdateBilling {
    type Error = outcome::UserError;

    fn try_from(input: UpdateBillingInput) -> Result<Self, outcome::UserError> {
        Ok(Self {
            billing_id: input.billing_id.0,
            expected_version: input.expected_version,
            code: input.code.map(Into::into),
            description: input.description,
            quantity: input.quantity.map(|quantity| quantity.0),
            unit_price: input.unit_price.map(MoneyInput::into_parts),
            components: input.components.map(wanted).transpose()?,
            serviced_at: input.serviced_at.map(Into::into),
        })
    }
}

/// A billing, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct BillingPayload {
    /// The billing.
    billing: Option<Billing>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl BillingPayload {
    fn of(outcome: Outcome<domain::Billing>) -> Result<Option<Self>, Fault> {
        let (billing, user_errors) = settled(outcome)?;
        Ok(Some(Self { billing: billing.map(|billing| Billing(Arc::new(billing))), user_errors }))
    }
}

/// What is done with billings.
#[derive(Default)]
pub(in crate::graphql) struct BillingMutation;

#[Object]
impl BillingMutation {
    /// Makes a billing. It is BILLABLE, and counts in the patient's total at once.
    #[graphql(requires_scopes = "user/ChargeItem.c", requires_scopes = "system/ChargeItem.c")]
    async fn add_billing(&self, ctx: &Context<'_>, input: AddBillingInput) -> Result<Option<BillingPayload>, Fault> {
        let key = input.idempotency_key;
        let outcome = async { service::<Billings>(ctx).add(caller(ctx), input.try_into()?, key, now()).await };
        BillingPayload::of(outcome.await)
    }

    /// Changes a billing that is on no invoice. What is owed changes with it.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn update_billing(
        &self,
        ctx: &Context<'_>,
        input: UpdateBillingInput,
    ) -> Result<Option<BillingPayload>, Fault> {
        let outcome = async { service::<Billings>(ctx).update(caller(ctx), input.try_into()?, now()).await };
        BillingPayload::of(outcome.await)
    }

    /// Takes a billing back, as if it had not been made: its status is ENTERED_IN_ERROR, and nobody owes it. What was paid
    /// for it is refunded before.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn void_billing(&self, ctx: &Context<'_>, input: VoidBillingInput) -> Result<Option<BillingPayload>, Fault> {
        let VoidBillingInput { billing_id, reason, expected_version } = input;
        let void = VoidBilling { billing_id: billing_id.0, expected_version, reason };
        BillingPayload::of(service::<Billings>(ctx).void(caller(ctx), void, now()).await)
    }
}
