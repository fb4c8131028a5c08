use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Coding, Outcome, Refusals, UserError, UserErrorCode};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Service, billing_input};
use crate::{
    domain::{Billing, ChargeItemStatus, Movement, PriceComponentType, Recorded, Size, Wanted},
    store::Store,
};

/// What changes about a billing: `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateBilling {
    pub billing_id: Option<Uuid>,
    pub expected_version: i32,
    pub code: Option<Coding>,
    pub description: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit_price: Option<(Decimal, String)>,
    pub components: Option<Vec<Wanted>>,
    pub serviced_at: Option<DateTime<Utc>>,
}

/// Why a billing cannot be changed, if it cannot.
fn unchangeable(billing: &Billing, expected_version: i32) -> Option<UserError> {
    if billing.version != expected_version {
        return Some(UserError::version_conflict());
    }
    let refuse = |code, message: &str| Some(UserError::at("billingId", code, message));
    match billing.status {
        ChargeItemStatus::Planned | ChargeItemStatus::Billable => None,
        ChargeItemStatus::Billed => refuse(UserErrorCode::Immutable, "The billing is on an invoice: cancel that first"),
        _ => refuse(UserErrorCode::IllegalTransition, "The billing is owed no more"),
    }
}

impl Service {
    /// Changes a billing that is on no invoice. What is owed changes with it, by a movement of the difference.
    pub(crate) async fn update_billing(
        &self,
        caller: &Caller,
        input: UpdateBilling,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Billing>, ApiError> {
        let account = caller.require(Resource::ChargeItem, Right::Update)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let Some(old) = lock(&mut transaction, input.billing_id).await? else { return Ok(Err(absent())) };
        if let Some(refused) = unchangeable(&old, input.expected_version) {
            return Ok(Err(vec![refused]));
        }
        let new = match changed(&old, &input) {
            Ok(new) => new,
            Err(refused) => return Ok(Err(refused)),
        };
        let kept = old.paid.minus(old.refunded).map_err(ApiError::internal)?;
        if new.price.net.minus(kept).map_err(ApiError::internal)?.is_negative() {
            let message = "More is paid than would be owed: refund the difference first";
            return Ok(Err(vec![UserError::at("unitPrice", UserErrorCode::AmountExceedsBalance, message)]));
        }
        let moved = Movement::adjustment(&old, &new, recorded).map_err(ApiError::internal)?;
        // Less is owed before it is written that less is paid for: the database compares both at every step.
        Store::update(&mut transaction, &new, None).await.map_err(ApiError::internal)?;
        if !moved.postings.is_empty() {
            Store::insert_movement(&mut transaction, &moved).await.map_err(ApiError::internal)?;
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(new))
    }

    /// Takes a billing back, as if it had not been made; what was paid for it must be refunded before.
    pub(crate) async fn void_billing(
        &self,
        caller: &Caller,
        billing_id: Option<Uuid>,
        expected_version: i32,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Billing>, ApiError> {
        let account = caller.require(Resource::ChargeItem, Right::Update)?;
        let recorded = Recorded { by: account.user_id, at: now.trunc_subsecs(6) };
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", reason);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let Some(mut billing) = lock(&mut transaction, billing_id).await? else { return Ok(Err(absent())) };
        if let Some(refused) = unchangeable(&billing, expected_version) {
            return Ok(Err(vec![refused]));
        }
        if billing.invoice_id.is_some() {
            let message = "The billing is on a draft of an invoice: cancel that first";
            return Ok(Err(vec![UserError::at("billingId", UserErrorCode::Immutable, message)]));
        }
        if billing.paid != billing.refunded {
            let message = "The billing is paid: refund that first";
            return Ok(Err(vec![UserError::at("billingId", UserErrorCode::IllegalTransition, message)]));
        }
        let moved = Movement::void(&billing, &reason, recorded);
        billing.status = ChargeItemStatus::EnteredInError;
        billing.version += 1;
        Store::update(&mut transaction, &billing, Some(&reason)).await.map_err(ApiError::internal)?;
        Store::insert_movement(&mut transaction, &moved).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(billing))
    }
}

pub(super) async fn lock(connection: &mut sqlx::PgConnection, id: Option<Uuid>) -> Result<Option<Billing>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let found = Store::lock_billings(connection, &[id]).await.map_err(ApiError::internal)?;
    Ok(found.into_iter().next())
}

pub(super) fn absent() -> Vec<UserError> {
    vec![UserError::at("billingId", UserErrorCode::NotFound, "There is no such billing")]
}

fn changed(old: &Billing, input: &UpdateBilling) -> Outcome<Billing> {
    let mut refusals = Refusals::default();
    let code = input.code.as_ref().map(|code| refusals.coding("code", code));
    let description = input.description.as_deref().map(|text| refusals.line("description", text));
    let quantity = input.quantity.unwrap_or(old.quantity);
    billing_input::quantity(&mut refusals, quantity);
    let unit_price = match &input.unit_price {
        Some((amount, currency)) => billing_input::unit_price(&mut refusals, *amount, currency),
        None => Some(old.unit_price),
    };
    if unit_price.is_some_and(|unit_price| unit_price.currency() != old.unit_price.currency()) {
        let message = "A billing keeps its currency: void it, and make another";
        refusals.add("unitPrice.currency", UserErrorCode::CurrencyMismatch, message);
    }
    let wanted = input.components.clone().unwrap_or_else(|| wanted_before(old));
    let price = unit_price.and_then(|unit_price| billing_input::price(&mut refusals, unit_price, quantity, &wanted));
    let (Some(unit_price), Some(price)) = (unit_price, price) else {
        return Err(refusals.or(()).err().unwrap_or_default());
    };
    refusals.or(Billing {
        code: code.or_else(|| old.code.clone()),
        description: description.unwrap_or_else(|| old.description.clone()),
        quantity: quantity.normalize(),
        unit_price,
        price,
        serviced_at: input.serviced_at.unwrap_or(old.serviced_at).trunc_subsecs(6),
        version: old.version + 1,
        ..old.clone()
    })
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
