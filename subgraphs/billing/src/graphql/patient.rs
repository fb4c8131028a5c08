//! What money adds to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Batch, Connection, Time, below, many, now, parse_id};
use healthbridge_outcome::{Fault, Window};
use healthbridge_rights::Caller;
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
    ) -> Result<Option<Connection<Billing>>, Fault> {
        below::<BillingsOfPatient, _, _>(ctx, &self.id, first, after, filter.unwrap_or_default().into()).await
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
    ) -> Result<Option<Connection<Invoice>>, Fault> {
        below::<InvoicesOfPatient, _, _>(ctx, &self.id, first, after, filter.unwrap_or_default().into()).await
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
    /// When it was computed.
    as_of: Time,
}

/// What a patient's billings in one currency come to. Billings that are not owed count nothing.
#[derive(SimpleObject)]
pub(crate) struct CurrencyTotal {
    #[graphql(flatten)]
    sums: Sums,
}

/// The billings below patients.
struct BillingsOfPatient;

impl Batch for BillingsOfPatient {
    type Service = Billings;
    type Key = Uuid;
    type Arguments = (billings::BillingFilter, Window<Uuid>);
    type Row = domain::Billing;

    async fn load(
        billings: &Billings,
        caller: &Caller,
        patients: &[Uuid],
        (filter, window): &Self::Arguments,
    ) -> Result<Vec<Self::Row>, Fault> {
        billings.of_patients(caller, patients, filter, window).await
    }

    fn key(billing: &Self::Row) -> Uuid {
        billing.patient_id
    }
}

/// The invoices below patients.
struct InvoicesOfPatient;

impl Batch for InvoicesOfPatient {
    type Service = Invoices;
    type Key = Uuid;
    type Arguments = (invoices::InvoiceFilter, Window<Uuid>);
    type Row = domain::Invoice;

    async fn load(
        invoices: &Invoices,
        caller: &Caller,
        patients: &[Uuid],
        (filter, window): &Self::Arguments,
    ) -> Result<Vec<Self::Row>, Fault> {
        invoices.of_patients(caller, patients, filter, window).await
    }

    fn key(invoice: &Self::Row) -> Uuid {
        invoice.patient_id
    }
}

/// What the billings of patients come to.
struct TotalsOfPatient;

impl Batch for TotalsOfPatient {
    type Service = Billings;
    type Key = Uuid;
    type Arguments = ();
    type Row = domain::CurrencyTotal;

    async fn load(billings: &Billings, caller: &Caller, patients: &[Uuid], (): &()) -> Result<Vec<Self::Row>, Fault> {
        billings.totals(caller, patients).await
    }

    fn key(total: &Self::Row) -> Uuid {
        total.patient_id
    }
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
