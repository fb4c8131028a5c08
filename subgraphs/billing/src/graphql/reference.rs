//! Objects of other subgraphs, as far as this one knows them.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, Time, now, parse_id};
use uuid::Uuid;

use super::{
    billing::{Billing, BillingFilter, NEWEST_FIRST, filter},
    invoice::{self, Invoice, InvoiceFilter},
    loaders::Loaders,
    scalar::{CurrencyCode, Money},
};
use crate::domain;

async fn billings_for(
    ctx: &Context<'_>,
    id: &ID,
    occasion: fn(Uuid) -> domain::Occasion,
) -> Result<Option<Vec<Billing>>, ApiError> {
    let Some(id) = parse_id(id) else { return Ok(None) };
    Ok(Some(Loaders::billings_for(ctx, occasion(id)).await?.into_iter().map(Billing).collect()))
}

/// A diagnosis report, as far as money goes.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct DiagnosisReport {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl DiagnosisReport {
    /// The billings for the report, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, ApiError> {
        billings_for(ctx, &self.id, domain::Occasion::Report).await
    }
}

/// An account; the patients subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// Our id, a UUIDv7.
    pub id: ID,
}

/// A medical image, as far as money goes.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct MedicalImage {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl MedicalImage {
    /// The billings for the image, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, ApiError> {
        billings_for(ctx, &self.id, domain::Occasion::Image).await
    }
}

/// An appointment, as far as money goes.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Appointment {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Appointment {
    /// The billings for the appointment, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, ApiError> {
        billings_for(ctx, &self.id, domain::Occasion::Appointment).await
    }
}

/// What a patient's billings come to, a line for each currency: two currencies are never added.
#[derive(SimpleObject)]
pub(crate) struct CostSummary {
    /// The lines, by currency code.
    by_currency: Vec<CurrencyTotal>,
    /// When it was computed.
    as_of: Time,
}

/// What a patient's billings in one currency come to. Billings that are not owed count nothing.
#[derive(SimpleObject)]
pub(crate) struct CurrencyTotal {
    /// The currency.
    currency: CurrencyCode,
    /// What was charged.
    charged: Money,
    /// Discounts and deductions.
    discounts: Money,
    /// Taxes.
    tax: Money,
    /// What is owed: charged, less discounts, plus tax.
    net: Money,
    /// What was paid.
    paid: Money,
    /// What was paid back.
    refunded: Money,
    /// What is still to be paid: net, less paid, plus refunded.
    outstanding: Money,
    /// How many billings are owed.
    item_count: i32,
}

impl From<&domain::CurrencyTotal> for CurrencyTotal {
    fn from(total: &domain::CurrencyTotal) -> Self {
        Self {
            currency: CurrencyCode(total.currency),
            charged: total.charged.into(),
            discounts: total.discounts.into(),
            tax: total.tax.into(),
            net: total.net.into(),
            paid: total.paid.into(),
            refunded: total.refunded.into(),
            outstanding: total.outstanding.into(),
            item_count: total.item_count,
        }
    }
}

/// A patient, as far as money goes.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Patient {
    /// The patient's billings, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which billings.")] filter: Option<BillingFilter>,
    ) -> Result<Option<Connection<Billing>>, ApiError> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let page = Loaders::of_patient(ctx, patient, self::filter(filter), window).await?;
        let cursor = |billing: &Arc<domain::Billing>| Cursor::write(NEWEST_FIRST, &billing.id);
        Ok(Some(Connection::new(page, cursor, Billing)))
    }

    /// The patient's invoices and credit notes, the newest first.
    #[graphql(
        requires_scopes = "user/Invoice.r",
        requires_scopes = "patient/Invoice.r",
        requires_scopes = "system/Invoice.r"
    )]
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which invoices.")] filter: Option<InvoiceFilter>,
    ) -> Result<Option<Connection<Invoice>>, ApiError> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let window = PageArgs::forward(first, after, 25)?.window(invoice::NEWEST_FIRST)?;
        let page = Loaders::invoices_of(ctx, patient, invoice::filter(filter), window).await?;
        let cursor = |invoice: &Arc<domain::Invoice>| Cursor::write(invoice::NEWEST_FIRST, &invoice.id);
        Ok(Some(Connection::new(page, cursor, Invoice)))
    }

    /// What the patient's billings come to, a line for each currency.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn total_cost(&self, ctx: &Context<'_>) -> Result<Option<CostSummary>, ApiError> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let totals = Loaders::totals(ctx, patient).await?;
        let by_currency = totals.iter().map(CurrencyTotal::from).collect();
        Ok(Some(CostSummary { by_currency, as_of: now().into() }))
    }
}
