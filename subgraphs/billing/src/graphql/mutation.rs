use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Coding, Outcome, Time, UserError, UserErrorCode, caller, now, parse_id};
use uuid::Uuid;

use super::{
    billing::{Billing, PriceComponentType},
    invoice::Invoice,
    ledger::{LedgerEntry, PaymentMethod},
    scalar::{CurrencyCode, Decimal, MoneyInput},
};
use crate::{
    Service,
    domain::{self, Size, Wanted},
    service::{AddBilling, Moved, PayBilling, RefundPayment, UpdateBilling},
};

/// The mutations of billings and payments.
#[derive(Default)]
pub(crate) struct BillingMutation;

/// The code of a service: CPT, HCPCS or the hospital's own.
#[derive(InputObject)]
pub(crate) struct ServiceCodeInput {
    /// The code system's URI.
    system: String,
    /// The code in that system.
    code: String,
    /// The text that the system gives for the code.
    display: Option<String>,
}

/// A billing to be made.
#[derive(InputObject)]
pub(crate) struct AddBillingInput {
    /// Who owes it.
    patient_id: ID,
    /// The report that it is for.
    report_id: Option<ID>,
    /// The image that it is for.
    image_id: Option<ID>,
    /// The appointment that it is for.
    appointment_id: Option<ID>,
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// The service; the code's text where it is left out.
    description: Option<String>,
    /// How many, above 0, with at most 4 decimals.
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
    /// The service.
    description: Option<String>,
    /// How many, above 0, with at most 4 decimals.
    quantity: Option<Decimal>,
    /// The price of one, in the same currency.
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
    /// Why.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// A component of a price: either a factor or an amount.
#[derive(InputObject)]
pub(crate) struct PriceComponentInput {
    /// What it is; not BASE, which is the quantity times the unit price.
    #[graphql(name = "type")]
    kind: PriceComponentType,
    /// The code of a discount or a tax.
    code: Option<ServiceCodeInput>,
    /// The part of what it is taken of: `"0.19"` is 19 %. Surcharges are taken of the base, discounts of what is charged,
    /// taxes of what remains.
    factor: Option<Decimal>,
    /// The amount, in the billing's currency.
    amount: Option<Decimal>,
}

/// Money that is paid for a billing.
#[derive(InputObject)]
pub(crate) struct PayBillingInput {
    /// The billing.
    billing_id: ID,
    /// How much, in the billing's currency; all that is outstanding where it is left out.
    amount: Option<MoneyInput>,
    /// How.
    method: PaymentMethod,
    /// What it is called elsewhere: a receipt's number, say.
    reference: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// Money of a payment that is given back.
#[derive(InputObject)]
pub(crate) struct RefundPaymentInput {
    /// The payment.
    payment_id: ID,
    /// How much, in the payment's currency; all that is left of it where it is left out.
    amount: Option<MoneyInput>,
    /// Why.
    reason: String,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// A movement of money, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct PaymentPayload {
    /// The movement.
    entry: Option<LedgerEntry>,
    /// The billing, as it is now; the first one of several.
    billing: Option<Billing>,
    /// The invoice that it is on, as it is now.
    invoice: Option<Invoice>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Moved>> for PaymentPayload {
    fn from(outcome: Outcome<Moved>) -> Self {
        match outcome {
            Ok(moved) => Self {
                entry: Some(LedgerEntry(Arc::new(moved.entry))),
                billing: moved.billing.map(|billing| Billing(Arc::new(billing))),
                invoice: moved.invoice.map(|invoice| Invoice(Arc::new(invoice))),
                user_errors: Vec::new(),
            },
            Err(user_errors) => Self { entry: None, billing: None, invoice: None, user_errors },
        }
    }
}

impl From<ServiceCodeInput> for Coding {
    fn from(code: ServiceCodeInput) -> Self {
        Self { system: code.system, code: code.code, display: code.display, version: None }
    }
}

/// The components that are asked for; each has either a factor or an amount.
fn wanted(components: Option<Vec<PriceComponentInput>>) -> Result<Vec<Wanted>, UserError> {
    let one = |(place, one): (usize, PriceComponentInput)| {
        let size = match (one.factor, one.amount) {
            (Some(factor), None) => Size::Factor(factor.0),
            (None, Some(amount)) => Size::Amount(amount.0),
            _ => {
                let message = "A component has either a factor or an amount";
                return Err(UserError::at(&format!("components.{place}"), UserErrorCode::Required, message));
            }
        };
        Ok(Wanted { kind: one.kind.into(), code: one.code.map(Coding::from), size })
    };
    components.into_iter().flatten().enumerate().map(one).collect()
}

/// A billing, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct BillingPayload {
    /// The billing.
    billing: Option<Billing>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<domain::Billing>> for BillingPayload {
    fn from(outcome: Outcome<domain::Billing>) -> Self {
        match outcome {
            Ok(billing) => Self { billing: Some(Billing(Arc::new(billing))), user_errors: Vec::new() },
            Err(user_errors) => Self { billing: None, user_errors },
        }
    }
}

/// The mutations of billings and payments.
#[Object]
impl BillingMutation {
    /// Makes a billing. It is BILLABLE, and counts in the patient's total at once.
    #[graphql(requires_scopes = "user/ChargeItem.c", requires_scopes = "system/ChargeItem.c")]
    async fn add_billing(&self, ctx: &Context<'_>, input: AddBillingInput) -> Result<Option<BillingPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = AddBilling {
            patient_id: input.patient_id.0,
            report_id: input.report_id.map(|id| id.0),
            image_id: input.image_id.map(|id| id.0),
            appointment_id: input.appointment_id.map(|id| id.0),
            code: input.code.map(Coding::from),
            description: input.description,
            quantity: input.quantity.0,
            unit_price: input.unit_price.map(MoneyInput::into_parts),
            service_item_id: input.service_item_id.map(|id| id.0),
            currency: input.currency.map(|currency| currency.0.to_string()),
            components: match wanted(input.components) {
                Ok(components) => components,
                Err(refused) => return Ok(Some(Err(vec![refused]).into())),
            },
            serviced_at: input.serviced_at.map(Into::into),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.add_billing(caller(ctx), input, key, now()).await?.into()))
    }

    /// Changes a billing that is on no invoice. What is owed changes with it.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn update_billing(
        &self,
        ctx: &Context<'_>,
        input: UpdateBillingInput,
    ) -> Result<Option<BillingPayload>, ApiError> {
        let components = match input.components.map(|components| wanted(Some(components))).transpose() {
            Ok(components) => components,
            Err(refused) => return Ok(Some(Err(vec![refused]).into())),
        };
        let input = UpdateBilling {
            billing_id: parse_id(&input.billing_id),
            expected_version: input.expected_version,
            code: input.code.map(Coding::from),
            description: input.description,
            quantity: input.quantity.map(|quantity| quantity.0),
            unit_price: input.unit_price.map(MoneyInput::into_parts),
            components,
            serviced_at: input.serviced_at.map(Into::into),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.update_billing(caller(ctx), input, now()).await?.into()))
    }

    /// Takes a billing back, as if it had not been made: its status is ENTERED_IN_ERROR, and nobody owes it. What was paid
    /// for it is refunded before.
    #[graphql(requires_scopes = "user/ChargeItem.u", requires_scopes = "system/ChargeItem.u")]
    async fn void_billing(
        &self,
        ctx: &Context<'_>,
        input: VoidBillingInput,
    ) -> Result<Option<BillingPayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (id, version) = (parse_id(&input.billing_id), input.expected_version);
        Ok(Some(service.void_billing(caller(ctx), id, version, &input.reason, now()).await?.into()))
    }

    /// Takes money for a billing: all that is outstanding where no amount is given. It needs no invoice.
    #[graphql(requires_scopes = "user/PaymentNotice.c", requires_scopes = "system/PaymentNotice.c")]
    async fn pay_billing(&self, ctx: &Context<'_>, input: PayBillingInput) -> Result<Option<PaymentPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = PayBilling {
            billing_id: input.billing_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            method: input.method.into(),
            reference: input.reference,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.pay_billing(caller(ctx), input, key, now()).await?.into()))
    }

    /// Gives money of a payment back: all that is left of it where no amount is given; never more than was paid.
    #[graphql(requires_scopes = "user/PaymentNotice.c policy:billing.refund")]
    async fn refund_payment(
        &self,
        ctx: &Context<'_>,
        input: RefundPaymentInput,
    ) -> Result<Option<PaymentPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = RefundPayment {
            payment_id: input.payment_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            reason: input.reason,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.refund_payment(caller(ctx), input, key, now()).await?.into()))
    }
}
