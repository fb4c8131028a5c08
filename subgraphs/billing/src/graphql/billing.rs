mod change;

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use healthbridge_graphql::{
    Code, Coding, Connection, List, Time, batch, below, caller, codes, entity, listed, one, service, window,
};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    invoice::{Invoice, InvoiceById},
    ledger::{LedgerEntry, LedgerOfBilling},
    money::{CurrencyCode, Decimal, Money},
    occasion::{Appointment, DiagnosisReport, MedicalImage},
    patient::Patient,
    price::PriceComponent,
};
use crate::{
    domain::{self, ChargeItemStatus, PaymentState},
    service::Billings,
    store::billings,
};

pub(super) use change::BillingMutation;

/// A billing (FHIR ChargeItem). One that the caller may not see looks like one that does not exist.
pub(crate) struct Billing(pub(crate) Arc<domain::Billing>);

/// A billing (FHIR ChargeItem). One that the caller may not see looks like one that does not exist.
#[Object]
impl Billing {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The patient who owes it. Null where the caller may not see the record, or the part of the system that knows it is
    /// unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The report that the billing is for.
    async fn report(&self) -> Option<DiagnosisReport> {
        self.0.report_id.map(|id| DiagnosisReport { id: id.into() })
    }

    /// The image that the billing is for.
    async fn image(&self) -> Option<MedicalImage> {
        self.0.image_id.map(|id| MedicalImage { id: id.into() })
    }

    /// The appointment that the billing is for.
    async fn appointment(&self) -> Option<Appointment> {
        self.0.appointment_id.map(|id| Appointment { id: id.into() })
    }

    /// The invoice that the billing is on; null where it is on none.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>, Fault> {
        match self.0.invoice_id {
            Some(id) => Ok(one::<InvoiceById>(ctx, id).await?.map(Invoice)),
            None => Ok(None),
        }
    }

    /// The code of the service: CPT, HCPCS or the hospital's own.
    async fn code(&self) -> Option<Coding> {
        self.0.code.as_ref().map(Coding::from)
    }

    /// The service, in plain text.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The quantity of the service.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.quantity)
    }

    /// The price of one unit.
    async fn unit_price(&self) -> Money {
        self.0.unit_price.into()
    }

    /// What the price consists of, the base first. Each is rounded half to even to the currency's decimals.
    async fn components(&self) -> Vec<PriceComponent> {
        self.0.price.components.iter().map(PriceComponent::from).collect()
    }

    /// The base price and all surcharges.
    async fn charged(&self) -> Money {
        self.0.price.charged.into()
    }

    /// Discounts and deductions.
    async fn discounts(&self) -> Money {
        self.0.price.discounts.into()
    }

    /// The sum of taxes.
    async fn tax(&self) -> Money {
        self.0.price.tax.into()
    }

    /// What is owed: charged, less discounts, plus tax.
    async fn net(&self) -> Money {
        self.0.price.net.into()
    }

    /// The sum of payments.
    async fn paid(&self) -> Money {
        self.0.paid.into()
    }

    /// The sum of refunds.
    async fn refunded(&self) -> Money {
        self.0.refunded.into()
    }

    /// The movements of the billing, the newest first.
    #[graphql(requires_scopes = "user/PaymentNotice.r", requires_scopes = "system/PaymentNotice.r")]
    async fn ledger(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
    ) -> Result<Option<Connection<LedgerEntry>>, Fault> {
        below::<LedgerOfBilling, _>(ctx, self.0.id, &PageArgs::new(first, after, last, before)?, ()).await
    }

    /// What is still to be paid: net, less what was paid and not paid back.
    async fn outstanding(&self) -> Money {
        self.0.outstanding().into()
    }

    /// The status.
    async fn status(&self) -> Code<ChargeItemStatus> {
        Code(self.0.status)
    }

    /// How much of the billing is paid.
    async fn payment_state(&self) -> Code<PaymentState> {
        Code(self.0.payment_state())
    }

    /// When the service was given.
    async fn serviced_at(&self) -> Time {
        self.0.serviced_at.into()
    }

    /// When the billing was created.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl List for Billing {
    const ORDER: &'static str = "billing";
    type Row = domain::Billing;
    type Place = Uuid;

    fn place(billing: &domain::Billing) -> Uuid {
        billing.id
    }

    fn node(billing: Arc<domain::Billing>) -> Self {
        Self(billing)
    }
}

/// Which billings a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct BillingFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<ChargeItemStatus>>>,
    /// With one of these payment states.
    payment_state: Option<Vec<Code<PaymentState>>>,
    /// In this currency.
    currency: Option<CurrencyCode>,
    /// The service was given then or later.
    serviced_from: Option<Time>,
    /// The service was given before.
    serviced_to: Option<Time>,
}

impl From<BillingFilter> for billings::BillingFilter {
    fn from(filter: BillingFilter) -> Self {
        Self {
            statuses: codes(filter.status),
            payment_states: codes(filter.payment_state),
            currency: filter.currency.map(|currency| currency.0),
            serviced_from: filter.serviced_from.map(Into::into),
            serviced_to: filter.serviced_to.map(Into::into),
        }
    }
}

batch! {
    /// The billings with these ids.
    pub(super) BillingById = Billings::by_id() -> domain::Billing, by |billing| billing.id
}

/// How billings are found.
#[derive(Default)]
pub(super) struct BillingQuery;

#[Object]
impl BillingQuery {
    /// A billing; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billing(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, Fault> {
        Ok(entity::<BillingById>(ctx, &id).await?.map(Billing))
    }

    /// The billings of all patients, the newest first.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
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
        let window = window::<Billing>(&PageArgs::new(first, after, last, before)?)?;
        let (billings, filter) = (service::<Billings>(ctx), filter.unwrap_or_default().into());
        let page = billings.search(caller(ctx), &filter, &window);
        listed(ctx, page, billings.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_billing_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, Fault> {
        Ok(entity::<BillingById>(ctx, &id).await?.map(Billing))
    }
}
