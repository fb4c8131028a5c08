//! What money adds to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, Time, batch, below, many, now, parse_id};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    billing::{Billing, BillingFilter},
    invoice::{Invoice, InvoiceFilter},
    statistics::Sums,
};
use crate::{
    domain,
    service::{Billings, Invoices},
    store::{billings, invoices},
};

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// The id in this system, a UUIDv7.
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
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which billings.")] filter: Option<BillingFilter>,
    ) -> Result<Option<Connection<Billing>>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<BillingsOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
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
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which invoices.")] filter: Option<InvoiceFilter>,
    ) -> Result<Option<Connection<Invoice>>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<InvoicesOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
    }

    /// What the patient's billings come to, a line for each currency.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn total_cost(&self, ctx: &Context<'_>) -> Result<Option<CostSummary>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let totals = many::<TotalsOfPatient>(ctx, patient, ()).await?;
        let by_currency = totals.iter().map(|total| CurrencyTotal { sums: (&total.sums).into() }).collect();
        Ok(Some(CostSummary { by_currency, as_of: now().into() }))
    }
}

/// What a patient's billings come to, a line for each currency: two currencies are never added.
#[derive(SimpleObject)]
pub(crate) struct CostSummary {
    /// The lines, by currency code.
    by_currency: Vec<CurrencyTotal>,
    /// When these numbers were computed.
    as_of: Time,
}

/// What a patient's billings in one currency come to. Billings that are not owed count nothing.
#[derive(SimpleObject)]
pub(crate) struct CurrencyTotal {
    #[graphql(flatten)]
    sums: Sums,
}

below! {
    /// The billings below patients.
    BillingsOfPatient = Billings::{of_patients, count_of_patients}(billings::BillingFilter; Uuid) -> domain::Billing,
        by |billing| billing.patient_id
}

below! {
    /// The invoices below patients.
    InvoicesOfPatient = Invoices::{of_patients, count_of_patients}(invoices::InvoiceFilter; Uuid) -> domain::Invoice,
        by |invoice| invoice.patient_id
}

batch! {
    /// What the billings of patients come to.
    TotalsOfPatient = Billings::totals() -> domain::CurrencyTotal, by |total| total.patient_id
}

/// How a patient is found.
#[derive(Default)]
pub(super) struct PatientQuery;

#[Object]
impl PatientQuery {
    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient { id }
    }
}
