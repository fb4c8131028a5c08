use std::collections::HashSet;

use chrono::{Datelike, NaiveDate};
use healthbridge_change::{Change, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::present;
use crate::{
    domain::{Billing, ChargeItemStatus, Invoice},
    service::recorded,
    store::{
        billings,
        invoices::{self, NewInvoice},
    },
};

/// Most billings of an invoice.
const MOST: usize = 500;

/// An invoice to be made, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateInvoice {
    pub patient_id: String,
    pub billing_ids: Vec<String>,
    pub due_at: Option<NaiveDate>,
}

impl Change for CreateInvoice {
    const NAME: &'static str = "createInvoice";
    type Made = Invoice;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Invoice> {
        let ids: Vec<Uuid> = self.billing_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
        let lines = billings::lock(making.connection(), &ids).await?;
        let lines = self.check(lines, making.now.date_naive())?;
        let Some(first) = lines.first() else { return Err(Stop::Refused(Vec::new())) };
        let invoice = NewInvoice {
            id: making.id,
            patient_id: first.patient_id,
            currency: first.price.net.currency().as_str(),
            billing_ids: &lines.iter().map(|line| line.id).collect::<Vec<_>>(),
            due_at: self.due_at,
        };
        let recorded = recorded(making);
        invoices::insert(making.connection(), &invoice, recorded).await?;
        Ok(present(making.connection(), invoice.id).await?)
    }
}

impl Once for CreateInvoice {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Invoice>, Fault> {
        present(connection, id).await.map(Some)
    }
}

impl CreateInvoice {
    /// The lines of an invoice in the order in which they were named, if they can be.
    fn check(&self, found: Vec<Billing>, today: NaiveDate) -> Checked<Vec<Billing>> {
        let mut refusals = Refusals::default();
        if self.billing_ids.is_empty() {
            refusals.add("billingIds", UserErrorCode::Required, "An invoice has at least one billing");
        }
        if self.billing_ids.len() > MOST {
            refusals.add("billingIds", UserErrorCode::OutOfRange, format!("An invoice has at most {MOST} billings"));
        }
        if self.due_at.is_some_and(|due| due < today || due.year() > 9999) {
            refusals.add("dueAt", UserErrorCode::OutOfRange, "An invoice is due today or later");
        }
        let patient = Uuid::try_parse(&self.patient_id).ok();
        let (mut lines, mut seen): (Vec<Billing>, HashSet<Uuid>) = (Vec::new(), HashSet::new());
        for (place, id) in self.billing_ids.iter().take(MOST).enumerate() {
            let field = format!("billingIds.{place}");
            let id = Uuid::try_parse(id).unwrap_or_default();
            let Some(line) = found.iter().find(|line| line.id == id && Some(line.patient_id) == patient) else {
                refusals.add(&field, UserErrorCode::NotFound, "The patient has no such billing");
                continue;
            };
            if !seen.insert(id) {
                refusals.add(&field, UserErrorCode::AlreadyExists, "The billing is named twice");
            } else if line.invoice_id.is_some() {
                refusals.add(&field, UserErrorCode::AlreadyExists, "The billing is on an invoice");
            } else if line.status != ChargeItemStatus::Billable {
                refusals.add(&field, UserErrorCode::IllegalTransition, "The billing is not owed");
            } else if lines.first().is_some_and(|first| first.price.net.currency() != line.price.net.currency()) {
                refusals.add(&field, UserErrorCode::CurrencyMismatch, "An invoice has one currency");
            }
            lines.push(line.clone());
        }
        refusals.or(lines)
    }
}
