use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use healthbridge_graphql::{ApiError, Coding, UserError, caller};
use uuid::Uuid;

use super::{
    billing::Billing,
    scalar::{Decimal, MoneyInput},
};
use crate::{Service, service::AddBilling};

/// The mutations of the subgraph.
pub(crate) struct Mutation;

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
    /// The code of the service.
    code: Option<ServiceCodeInput>,
    /// The service; the code's text where it is left out.
    description: Option<String>,
    /// How many, above 0, with at most 4 decimals.
    #[graphql(default_with = "Decimal(rust_decimal::Decimal::ONE)")]
    quantity: Decimal,
    /// The price of one.
    unit_price: MoneyInput,
    /// When the service was given; now where it is left out.
    serviced_at: Option<DateTime<Utc>>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// A billing, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct BillingPayload {
    /// The billing.
    billing: Option<Billing>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// The mutations of the subgraph.
#[Object]
impl Mutation {
    /// Makes a billing. It is BILLABLE, and counts in the patient's total at once.
    #[graphql(requires_scopes = "user/ChargeItem.c", requires_scopes = "system/ChargeItem.c")]
    async fn add_billing(&self, ctx: &Context<'_>, input: AddBillingInput) -> Result<Option<BillingPayload>, ApiError> {
        let key = input.idempotency_key;
        let code = |code: ServiceCodeInput| Coding {
            system: code.system,
            code: code.code,
            display: code.display,
            version: None,
        };
        let input = AddBilling {
            patient_id: input.patient_id.0,
            report_id: input.report_id.map(|id| id.0),
            image_id: input.image_id.map(|id| id.0),
            code: input.code.map(code),
            description: input.description,
            quantity: input.quantity.0,
            amount: input.unit_price.amount.0,
            currency: input.unit_price.currency.0.to_string(),
            serviced_at: input.serviced_at,
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(match service.add_billing(caller(ctx), input, key, Utc::now()).await? {
            Ok(billing) => BillingPayload { billing: Some(Billing(Arc::new(billing))), user_errors: Vec::new() },
            Err(user_errors) => BillingPayload { billing: None, user_errors },
        }))
    }
}
