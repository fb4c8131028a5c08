use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{ApiError, Coding, Connection, Cursor, PageArgs, Time};

use super::{
    invoice::Invoice,
    ledger::{self, LedgerEntry},
    loaders::Loaders,
    reference::{Appointment, DiagnosisReport, MedicalImage, Patient},
    scalar::{CurrencyCode, Decimal, Money},
};
use crate::{domain, store::BillingFilter as StoreFilter};

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "billing";

/// The status of a billing (FHIR chargeitem-status).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ChargeItemStatus")]
pub(crate) enum ChargeItemStatus {
    /// The service is planned.
    Planned,
    /// The patient owes it.
    Billable,
    /// Nobody owes it.
    NotBillable,
    /// The service was aborted.
    Aborted,
    /// It is on an invoice.
    Billed,
    /// It should not exist.
    EnteredInError,
    /// Not known.
    Unknown,
}

/// How far a billing is paid.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PaymentState")]
pub(crate) enum PaymentState {
    /// Nothing was paid.
    Unpaid,
    /// A part was paid.
    PartiallyPaid,
    /// All was paid.
    Paid,
    /// All that was paid was paid back.
    Refunded,
    /// A part of what was paid was paid back.
    PartiallyRefunded,
}

/// What a component of a price is (FHIR invoice-priceComponentType).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PriceComponentType")]
pub(crate) enum PriceComponentType {
    /// The quantity times the unit price.
    Base,
    /// Added to the base.
    Surcharge,
    /// Taken off what is charged, by a contract.
    Deduction,
    /// Taken off what is charged.
    Discount,
    /// Added to what remains after discounts.
    Tax,
    /// Told, and counted nowhere.
    Informational,
}

/// A component of a price (FHIR Invoice priceComponent).
#[derive(SimpleObject)]
pub(crate) struct PriceComponent {
    /// What it is.
    #[graphql(name = "type")]
    kind: PriceComponentType,
    /// The code of a discount or a tax.
    code: Option<Coding>,
    /// The part that it is of what it is taken of, where it was given as one: `"0.19"` is 19 %.
    factor: Option<Decimal>,
    /// How much.
    amount: Money,
}

impl From<&domain::PriceComponent> for PriceComponent {
    fn from(one: &domain::PriceComponent) -> Self {
        let (factor, amount) = (one.factor.map(Decimal), one.amount.into());
        Self { kind: one.kind.into(), code: one.code.clone(), factor, amount }
    }
}

/// Which billings a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct BillingFilter {
    /// In one of these states.
    status: Option<Vec<ChargeItemStatus>>,
    /// Paid so far.
    payment_state: Option<Vec<PaymentState>>,
    /// In this currency.
    currency: Option<CurrencyCode>,
    /// The service was given then or later.
    serviced_from: Option<Time>,
    /// The service was given before.
    serviced_to: Option<Time>,
}

/// The store's filter.
pub(crate) fn filter(input: Option<BillingFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    StoreFilter {
        statuses: filter.status.into_iter().flatten().map(Into::into).collect(),
        payment_states: filter.payment_state.into_iter().flatten().map(Into::into).collect(),
        currency: filter.currency.map(|currency| currency.0),
        serviced_from: filter.serviced_from.map(Into::into),
        serviced_to: filter.serviced_to.map(Into::into),
    }
}

/// A billing (FHIR ChargeItem). One that the caller may not see looks like one that does not exist.
pub(crate) struct Billing(pub(crate) Arc<domain::Billing>);

/// A billing (FHIR ChargeItem). One that the caller may not see looks like one that does not exist.
#[Object]
impl Billing {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Who owes it. Null where the caller may not see the record, or it cannot be asked for.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The report that it is for.
    async fn report(&self) -> Option<DiagnosisReport> {
        self.0.report_id.map(|id| DiagnosisReport { id: id.into() })
    }

    /// The image that it is for.
    async fn image(&self) -> Option<MedicalImage> {
        self.0.image_id.map(|id| MedicalImage { id: id.into() })
    }

    /// The appointment that it is for.
    async fn appointment(&self) -> Option<Appointment> {
        self.0.appointment_id.map(|id| Appointment { id: id.into() })
    }

    /// The invoice that it is on.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>, ApiError> {
        match self.0.invoice_id {
            Some(id) => Ok(Loaders::invoice(ctx, id).await?.map(Invoice)),
            None => Ok(None),
        }
    }

    /// The code of the service: CPT, HCPCS or the hospital's own.
    async fn code(&self) -> Option<&Coding> {
        self.0.code.as_ref()
    }

    /// The service.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// How many.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.quantity)
    }

    /// The price of one.
    async fn unit_price(&self) -> Money {
        self.0.unit_price.into()
    }

    /// What the price consists of, the base first. Each is rounded half to even to the currency's decimals.
    async fn components(&self) -> Vec<PriceComponent> {
        self.0.price.components.iter().map(PriceComponent::from).collect()
    }

    /// The base and the surcharges.
    async fn charged(&self) -> Money {
        self.0.price.charged.into()
    }

    /// Discounts and deductions.
    async fn discounts(&self) -> Money {
        self.0.price.discounts.into()
    }

    /// Taxes.
    async fn tax(&self) -> Money {
        self.0.price.tax.into()
    }

    /// What is owed: charged, less discounts, plus tax.
    async fn net(&self) -> Money {
        self.0.price.net.into()
    }

    /// What was paid.
    async fn paid(&self) -> Money {
        self.0.paid.into()
    }

    /// What was paid back.
    async fn refunded(&self) -> Money {
        self.0.refunded.into()
    }

    /// The movements of the billing, the newest first.
    #[graphql(requires_scopes = "user/PaymentNotice.r", requires_scopes = "system/PaymentNotice.r")]
    async fn ledger(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<Option<Connection<LedgerEntry>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(ledger::NEWEST_FIRST)?;
        let page = Loaders::ledger(ctx, self.0.id, window).await?;
        let cursor = |entry: &Arc<domain::LedgerEntry>| Cursor::write(ledger::NEWEST_FIRST, &entry.seq);
        Ok(Some(Connection::new(page, cursor, LedgerEntry)))
    }

    /// What is still to be paid: net, less what was paid and not paid back.
    async fn outstanding(&self) -> Money {
        self.0.outstanding().into()
    }

    /// Status.
    async fn status(&self) -> ChargeItemStatus {
        self.0.status.into()
    }

    /// How far it is paid.
    async fn payment_state(&self) -> PaymentState {
        self.0.payment_state().into()
    }

    /// When the service was given.
    async fn serviced_at(&self) -> Time {
        self.0.serviced_at.into()
    }

    /// When the billing was made.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
