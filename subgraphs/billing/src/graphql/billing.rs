use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use healthbridge_graphql::Coding;

use super::{
    reference::{DiagnosisReport, MedicalImage, Patient},
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

/// Which billings a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct BillingFilter {
    /// In one of these states.
    status: Option<Vec<ChargeItemStatus>>,
    /// In this currency.
    currency: Option<CurrencyCode>,
    /// The service was given then or later.
    serviced_from: Option<DateTime<Utc>>,
    /// The service was given before.
    serviced_to: Option<DateTime<Utc>>,
}

/// The store's filter.
pub(crate) fn filter(input: Option<BillingFilter>) -> StoreFilter {
    let Some(filter) = input else { return StoreFilter::default() };
    StoreFilter {
        statuses: filter.status.into_iter().flatten().map(Into::into).collect(),
        currency: filter.currency.map(|currency| currency.0),
        serviced_from: filter.serviced_from,
        serviced_to: filter.serviced_to,
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

    /// Who owes it.
    async fn patient(&self) -> Patient {
        Patient { id: self.0.patient_id.into() }
    }

    /// The report that it is for.
    async fn report(&self) -> Option<DiagnosisReport> {
        self.0.report_id.map(|id| DiagnosisReport { id: id.into() })
    }

    /// The image that it is for.
    async fn image(&self) -> Option<MedicalImage> {
        self.0.image_id.map(|id| MedicalImage { id: id.into() })
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

    /// Quantity times unit price, rounded half to even to the currency's decimals.
    async fn net(&self) -> Money {
        self.0.net.into()
    }

    /// What was paid.
    async fn paid(&self) -> Money {
        self.0.paid.into()
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
    async fn serviced_at(&self) -> DateTime<Utc> {
        self.0.serviced_at
    }

    /// When the billing was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
