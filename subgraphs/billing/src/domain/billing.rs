use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, Money, coded};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Price, Recorded};

coded! {
    /// The status of a billing (FHIR chargeitem-status).
    pub enum ChargeItemStatus {
        /// The service is planned and not charged yet (FHIR `planned`).
        Planned,
        /// The service is charged, and is not on an issued invoice yet (FHIR `billable`).
        Billable,
        /// The service is not charged (FHIR `not-billable`).
        NotBillable,
        /// The service was not completed and is not charged (FHIR `aborted`).
        Aborted,
        /// The service is on an issued invoice (FHIR `billed`).
        Billed,
        /// It was recorded by mistake and must be disregarded (FHIR `entered-in-error`).
        EnteredInError,
        /// Unknown (FHIR `unknown`).
        Unknown,
    }
}

coded! {
    /// How much of a billing is paid.
    pub enum PaymentState {
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
}

/// What a billing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A report.
    Report(Uuid),
    /// An image.
    Image(Uuid),
    /// An appointment.
    Appointment(Uuid),
}

/// A billing (FHIR ChargeItem).
#[derive(Clone, Debug)]
pub struct Billing {
    /// Our id.
    pub id: Uuid,
    /// The patient who owes it.
    pub patient_id: Uuid,
    /// The report that the billing is for.
    pub report_id: Option<Uuid>,
    /// The image that the billing is for.
    pub image_id: Option<Uuid>,
    /// The appointment that the billing is for.
    pub appointment_id: Option<Uuid>,
    /// The invoice that the billing is on; null where it is on none.
    pub invoice_id: Option<Uuid>,
    /// The service of the price list whose price it took.
    pub service_item_id: Option<Uuid>,
    /// The code of the service.
    pub code: Option<Coding>,
    /// The service, in plain text.
    pub description: String,
    /// The quantity of the service.
    pub quantity: Decimal,
    /// The price of one unit.
    pub unit_price: Money,
    /// The price of all, with what it consists of.
    pub price: Price,
    /// What was paid, before anything was paid back.
    pub paid: Money,
    /// The sum of refunds.
    pub refunded: Money,
    /// The status.
    pub status: ChargeItemStatus,
    /// When the service was given.
    pub serviced_at: DateTime<Utc>,
    /// When the billing was created.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Uuid,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl ChargeItemStatus {
    /// Whether the patient owes a billing in this state.
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Billable | Self::Billed)
    }
}

impl Billing {
    /// A billing that is owed and of which nothing is paid, for nothing in particular.
    pub fn new(
        patient_id: Uuid,
        description: String,
        quantity: Decimal,
        unit_price: Money,
        price: Price,
        serviced_at: DateTime<Utc>,
        recorded: Recorded,
    ) -> Self {
        let nothing = Money::zero(unit_price.currency());
        Self {
            #[expect(clippy::disallowed_methods, reason = "who makes it names it")]
            id: Uuid::now_v7(),
            patient_id,
            report_id: None,
            image_id: None,
            appointment_id: None,
            invoice_id: None,
            service_item_id: None,
            code: None,
            description,
            quantity: quantity.normalize(),
            unit_price,
            price,
            paid: nothing,
            refunded: nothing,
            status: ChargeItemStatus::Billable,
            serviced_at,
            created_at: recorded.at,
            created_by: recorded.by,
            version: 1,
        }
    }

    /// All that it is for.
    pub fn occasions(&self) -> impl Iterator<Item = Occasion> + use<> {
        let report = self.report_id.map(Occasion::Report);
        let image = self.image_id.map(Occasion::Image);
        report.into_iter().chain(image).chain(self.appointment_id.map(Occasion::Appointment))
    }

    /// What is still to be paid.
    pub fn outstanding(&self) -> Money {
        let net = self.price.net;
        let owed = if self.status.is_owed() { net } else { Money::zero(net.currency()) };
        let kept = self.paid.minus(self.refunded);
        // The row's amounts are all in its one currency and within NUMERIC(19, 4).
        kept.and_then(|kept| owed.minus(kept)).unwrap_or(owed)
    }

    /// How much of the billing is paid.
    pub fn payment_state(&self) -> PaymentState {
        let (paid, refunded) = (self.paid.amount(), self.refunded.amount());
        if paid.is_zero() {
            PaymentState::Unpaid
        } else if refunded >= paid {
            PaymentState::Refunded
        } else if !refunded.is_zero() {
            PaymentState::PartiallyRefunded
        } else if paid >= self.price.net.amount() {
            PaymentState::Paid
        } else {
            PaymentState::PartiallyPaid
        }
    }
}
