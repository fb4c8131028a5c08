//! What a price consists of.

use async_graphql::{InputObject, SimpleObject};
use healthbridge_graphql::{Code, Coding};
use healthbridge_outcome::{UserError, UserErrorCode};
use healthbridge_terms as terms;

use super::money::{Decimal, Money};
use crate::domain::{self, PriceComponentType, Size, Wanted};

/// A component of a price (FHIR Invoice priceComponent).
#[derive(SimpleObject)]
pub(crate) struct PriceComponent {
    /// The type of the component (FHIR invoice-priceComponentType).
    #[graphql(name = "type")]
    kind: Code<PriceComponentType>,
    /// The code of a discount or a tax.
    code: Option<Coding>,
    /// The part that it is of what it is taken of, where it was given as one: `"0.19"` is 19 %.
    factor: Option<Decimal>,
    /// The amount.
    amount: Money,
}

impl From<&domain::PriceComponent> for PriceComponent {
    fn from(one: &domain::PriceComponent) -> Self {
        let (factor, amount) = (one.factor.map(Decimal), one.amount.into());
        Self { kind: Code(one.kind), code: one.code.as_ref().map(Coding::from), factor, amount }
    }
}

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

impl From<ServiceCodeInput> for terms::Coding {
    fn from(code: ServiceCodeInput) -> Self {
        Self { system: code.system, code: code.code, display: code.display, version: None }
    }
}

/// A component of a price: either a factor or an amount.
#[derive(InputObject)]
pub(crate) struct PriceComponentInput {
    /// What it is; not BASE, which is the quantity times the unit price.
    #[graphql(name = "type")]
    kind: Code<PriceComponentType>,
    /// The code of a discount or a tax.
    code: Option<ServiceCodeInput>,
    /// The part of what it is taken of: `"0.19"` is 19 %. Surcharges are taken of the base, discounts of what is charged,
    /// taxes of what remains.
    factor: Option<Decimal>,
    /// The amount, in the billing's currency.
    amount: Option<Decimal>,
}

/// The components that are asked for; each has either a factor or an amount.
pub(super) fn wanted(components: Vec<PriceComponentInput>) -> Result<Vec<Wanted>, UserError> {
    let one = |(place, one): (usize, PriceComponentInput)| {
        let size = match (one.factor, one.amount) {
            (Some(factor), None) => Size::Factor(factor.0),
            (None, Some(amount)) => Size::Amount(amount.0),
            _ => {
                let message = "A component has either a factor or an amount";
                return Err(UserError::at(&format!("components.{place}"), UserErrorCode::Required, message));
            }
        };
        Ok(Wanted { kind: one.kind.0, code: one.code.map(Into::into), size })
    };
    components.into_iter().enumerate().map(one).collect()
}
