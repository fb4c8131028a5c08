use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, UserErrorCode};
use healthbridge_terms::{Coding, Money};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::{Billing, Given, Movement, Recorded, ServiceItem, Wanted, charge},
    service::recorded,
    store::{billings, ledger, service_items},
};

/// A billing to be made, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddBilling {
    pub patient_id: String,
    pub report_id: Option<String>,
    pub image_id: Option<String>,
    pub appointment_id: Option<String>,
    pub code: Option<Coding>,
    pub description: Option<String>,
    pub quantity: Decimal,
    /// The price of one; the price list's where it is left out.
    pub unit_price: Option<Given>,
    pub service_item_id: Option<String>,
    /// Which of the price list's prices.
    pub currency: Option<String>,
    pub components: Vec<Wanted>,
    pub serviced_at: Option<DateTime<Utc>>,
}

impl Change for AddBilling {
    const NAME: &'static str = "addBilling";
    type Made = Billing;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Billing> {
        let item = match self.service_item_id.as_deref().map(Uuid::try_parse) {
            Some(Ok(id)) => service_items::by_id(making.connection(), &[id]).await?.into_iter().next(),
            Some(Err(_)) | None => None,
        };
        let recorded = recorded(making);
        let billing = Billing { id: making.id, ..self.check(item, recorded)? };
        billings::insert(making.connection(), &billing).await?;
        ledger::insert(making.connection(), &Movement::charge(&billing, recorded)).await?;
        Ok(billing)
    }
}

impl Once for AddBilling {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Billing>, Fault> {
        Ok(billings::by_id(connection, &[id], None).await?.into_iter().next())
    }
}

impl AddBilling {
    fn check(&self, item: Option<ServiceItem>, recorded: Recorded) -> Checked<Billing> {
        let mut refusals = Refusals::default();
        let mut id = |field: &str, text: Option<&str>, what: &str| {
            text.map(Uuid::try_parse).transpose().unwrap_or_else(|_| {
                refusals.add(field, UserErrorCode::NotFound, format!("There is no such {what}"));
                None
            })
        };
        let patient_id = id("patientId", Some(&self.patient_id), "patient");
        let report_id = id("reportId", self.report_id.as_deref(), "report");
        let image_id = id("imageId", self.image_id.as_deref(), "image");
        let appointment_id = id("appointmentId", self.appointment_id.as_deref(), "appointment");
        let serviced_at = self.serviced_at.unwrap_or(recorded.at).trunc_subsecs(6);
        let code = self.code.as_ref().map(|code| refusals.coding("code", code));
        let code = code.or_else(|| item.as_ref().and_then(|item| item.code.clone()));
        let name = item.as_ref().map(|item| item.name.as_str());
        let display = self.code.as_ref().and_then(|code| code.display.as_deref()).or(name);
        let description = refusals.line("description", self.description.as_deref().or(display).unwrap_or_default());
        charge::quantity(&mut refusals, self.quantity);
        let unit_price = self.unit_price(&mut refusals, item.as_ref(), serviced_at);
        let price =
            unit_price.and_then(|unit_price| charge::price(&mut refusals, unit_price, self.quantity, &self.components));
        let priced = unit_price.zip(price).map(|(unit_price, price)| {
            let patient_id = patient_id.unwrap_or_default();
            Billing {
                report_id,
                image_id,
                appointment_id,
                service_item_id: item.map(|item| item.id),
                code,
                ..Billing::new(patient_id, description, self.quantity, unit_price, price, serviced_at, recorded)
            }
        });
        // Without a price there is a refusal.
        refusals.or(priced)?.ok_or_else(Vec::new)
    }

    /// The price of one: what was sent, or the price list's.
    fn unit_price(
        &self,
        refusals: &mut Refusals,
        item: Option<&ServiceItem>,
        serviced_at: DateTime<Utc>,
    ) -> Option<Money> {
        match (&self.unit_price, &self.service_item_id) {
            (Some((amount, currency)), None) => charge::unit_price(refusals, *amount, currency),
            (None, Some(_)) => listed_price(refusals, item, self.currency.as_deref(), serviced_at),
            (Some(_), Some(_)) => {
                let message = "The price is either given or the price list's";
                refusals.add("unitPrice", UserErrorCode::NotAllowed, message);
                None
            }
            (None, None) => {
                let message = "A billing has a price, or names a service of the price list";
                refusals.add("unitPrice", UserErrorCode::Required, message);
                None
            }
        }
    }
}

/// The price of one by the price list; what is wrong with it is refused.
fn listed_price(
    refusals: &mut Refusals,
    item: Option<&ServiceItem>,
    currency: Option<&str>,
    serviced_at: DateTime<Utc>,
) -> Option<Money> {
    let Some(item) = item else {
        refusals.add("serviceItemId", UserErrorCode::NotFound, "There is no such service on the price list");
        return None;
    };
    if !item.is_valid_on(serviced_at.date_naive()) {
        let message = "The service was not on the price list when it was given";
        refusals.add("serviceItemId", UserErrorCode::OutOfRange, message);
    }
    let price = item.price_in(currency.and_then(|currency| currency.parse().ok()));
    if price.is_none() {
        let message = if currency.is_some() {
            "The service has no price in this currency"
        } else {
            "The service has prices in several currencies: name one"
        };
        refusals.add("currency", UserErrorCode::CurrencyMismatch, message);
    }
    price
}
