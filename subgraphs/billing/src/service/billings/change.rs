use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserError, UserErrorCode};
use healthbridge_terms::Coding;
use rust_decimal::Decimal;

use super::locked;
use crate::{
    domain::{Billing, ChargeItemStatus, Given, Movement, PriceComponentType, Size, Wanted, charge},
    service::recorded,
    store::{billings, ledger},
};

/// What changes about a billing: `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub(crate) struct UpdateBilling {
    pub billing_id: String,
    pub expected_version: i32,
    pub code: Option<Coding>,
    pub description: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit_price: Option<Given>,
    pub components: Option<Vec<Wanted>>,
    pub serviced_at: Option<DateTime<Utc>>,
}

impl Change for UpdateBilling {
    const NAME: &'static str = "updateBilling";
    type Made = Billing;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Billing> {
        let old = locked(making, &self.billing_id).await?;
        changeable(&old, self.expected_version)?;
        let new = self.check(&old)?;
        let kept = old.paid.minus(old.refunded).map_err(Fault::internal)?;
        if new.price.net.minus(kept).map_err(Fault::internal)?.is_negative() {
            let message = "More is paid than would be owed: refund the difference first";
            return Err(Stop::refuse("unitPrice", UserErrorCode::AmountExceedsBalance, message));
        }
        let moved = Movement::adjustment(&old, &new, recorded(making)).map_err(Fault::internal)?;
        // Less is owed before it is written that less is paid for: the database compares both at every step.
        billings::update(making.connection(), &new, None).await?;
        if !moved.postings.is_empty() {
            ledger::insert(making.connection(), &moved).await?;
        }
        Ok(new)
    }
}

impl UpdateBilling {
    fn check(&self, old: &Billing) -> Checked<Billing> {
        let mut refusals = Refusals::default();
        let code = self.code.as_ref().map(|code| refusals.coding("code", code));
        let description = self.description.as_deref().map(|text| refusals.line("description", text));
        let quantity = self.quantity.unwrap_or(old.quantity);
        charge::quantity(&mut refusals, quantity);
        let unit_price = match &self.unit_price {
            Some((amount, currency)) => charge::unit_price(&mut refusals, *amount, currency),
            None => Some(old.unit_price),
        };
        if unit_price.is_some_and(|unit_price| unit_price.currency() != old.unit_price.currency()) {
            let message = "A billing keeps its currency: void it, and make another";
            refusals.add("unitPrice.currency", UserErrorCode::CurrencyMismatch, message);
        }
        let wanted = self.components.clone().unwrap_or_else(|| wanted_before(old));
        let price = unit_price.and_then(|unit_price| charge::price(&mut refusals, unit_price, quantity, &wanted));
        let new = unit_price.zip(price).map(|(unit_price, price)| Billing {
            code: code.or_else(|| old.code.clone()),
            description: description.unwrap_or_else(|| old.description.clone()),
            quantity: quantity.normalize(),
            unit_price,
            price,
            serviced_at: self.serviced_at.unwrap_or(old.serviced_at).trunc_subsecs(6),
            version: old.version + 1,
            ..old.clone()
        });
        // Without a price there is a refusal.
        refusals.or(new)?.ok_or_else(Vec::new)
    }
}

/// A billing to be taken back, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct VoidBilling {
    pub billing_id: String,
    pub expected_version: i32,
    pub reason: String,
}

impl Change for VoidBilling {
    const NAME: &'static str = "voidBilling";
    type Made = Billing;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Billing> {
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &self.reason);
        let reason = refusals.or(reason)?;
        let mut billing = locked(making, &self.billing_id).await?;
        changeable(&billing, self.expected_version)?;
        if billing.invoice_id.is_some() {
            let message = "The billing is on a draft of an invoice: cancel that first";
            return Err(Stop::refuse("billingId", UserErrorCode::Immutable, message));
        }
        if billing.paid != billing.refunded {
            let message = "The billing is paid: refund that first";
            return Err(Stop::refuse("billingId", UserErrorCode::IllegalTransition, message));
        }
        let moved = Movement::void(&billing, &reason, recorded(making));
        billing.status = ChargeItemStatus::EnteredInError;
        billing.version += 1;
        billings::update(making.connection(), &billing, Some(&reason)).await?;
        ledger::insert(making.connection(), &moved).await?;
        Ok(billing)
    }
}

/// Whether a billing can be changed, and is the one that the caller saw.
fn changeable(billing: &Billing, expected_version: i32) -> Result<(), UserError> {
    if billing.version != expected_version {
        return Err(UserError::version_conflict());
    }
    let (code, message) = match billing.status {
        ChargeItemStatus::Planned | ChargeItemStatus::Billable => return Ok(()),
        ChargeItemStatus::Billed => (UserErrorCode::Immutable, "The billing is on an invoice: cancel that first"),
        _ => (UserErrorCode::IllegalTransition, "The billing is owed no more"),
    };
    Err(UserError::at("billingId", code, message))
}

/// The components that the present price was made of.
fn wanted_before(billing: &Billing) -> Vec<Wanted> {
    let components = billing.price.components.iter().filter(|one| one.kind != PriceComponentType::Base);
    let wanted = components.map(|one| Wanted {
        kind: one.kind,
        code: one.code.clone(),
        size: one.factor.map_or(Size::Amount(one.amount.amount()), Size::Factor),
    });
    wanted.collect()
}
