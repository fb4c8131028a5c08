use chrono::{DateTime, Datelike, Utc};
use healthbridge_change::{Change, Making, Once, failpoint};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, Stop, UserErrorCode};
use healthbridge_terms::Coding;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{log, staff_id, text};
use crate::{
    domain::{ImagingOrder, OrderStage, OrderStatus, ReportPriority, WorkflowAction, is_icd10, is_modality},
    settings::OrderSettings,
    store::{appointments, orders},
};

/// Most reasons of an order.
const MOST_REASONS: usize = 50;

/// An order for imaging, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OrderImaging {
    pub patient_id: String,
    pub appointment_id: Option<String>,
    pub radiologist_id: Option<String>,
    pub code: Option<Coding>,
    pub modality: String,
    pub body_site: Option<Coding>,
    pub priority: ReportPriority,
    pub reason: String,
    pub reason_codes: Vec<Coding>,
}

impl OrderImaging {
    pub(super) fn with(self, settings: OrderSettings) -> Ordering {
        Ordering { order: self, settings }
    }
}

/// An order on its way, with what the deployment decides. Its key is bound to what was sent alone.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Ordering {
    order: OrderImaging,
    #[serde(skip)]
    settings: OrderSettings,
}

impl Change for Ordering {
    const NAME: &'static str = "orderImaging";
    type Made = ImagingOrder;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<ImagingOrder> {
        let orderer = making.caller.account().and_then(|account| account.staff_id);
        let order = self.check(making.id, orderer, making.now)?;
        if let Some(appointment) = order.appointment_id {
            let found = appointments::by_id(making.connection(), &[appointment], Some(order.patient_id)).await?;
            if found.is_empty() {
                let message = "The patient has no such appointment";
                return Err(Stop::refuse("appointmentId", UserErrorCode::NotFound, message));
            }
        }
        // Last of all: whoever wants a number waits for this change from here on.
        let year = making.now.year();
        let number = orders::next_number(making.connection(), year).await?;
        failpoint(Self::NAME, "number drawn");
        let order = ImagingOrder { accession_number: format!("ACC-{year}-{number:06}"), ..order };
        orders::insert(making.connection(), &order).await?;
        failpoint(Self::NAME, "order written");
        log(making, &order, WorkflowAction::Ordered).await?;
        Ok(order)
    }
}

impl Once for Ordering {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<ImagingOrder>, Fault> {
        Ok(orders::by_id(connection, &[id], None).await?.into_iter().next())
    }
}

impl Ordering {
    fn check(&self, id: Uuid, orderer: Option<Uuid>, now: DateTime<Utc>) -> Checked<ImagingOrder> {
        let (sent, mut refusals) = (&self.order, Refusals::default());
        let patient_id = Uuid::try_parse(&sent.patient_id);
        if patient_id.is_err() {
            refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
        }
        if orderer.is_none() {
            refusals.add("patientId", UserErrorCode::NotAllowed, "Only members of the medical staff order imaging");
        }
        let appointment_id = sent.appointment_id.as_deref().map(Uuid::try_parse).transpose();
        if appointment_id.is_err() {
            refusals.add("appointmentId", UserErrorCode::NotFound, "There is no such appointment");
        }
        let appointment_id = appointment_id.unwrap_or_default();
        let radiologist_id = staff_id(&mut refusals, "radiologistId", sent.radiologist_id.as_deref());
        let code = sent.code.as_ref().map(|code| refusals.coding("code", code));
        if !is_modality(&sent.modality) {
            let message = "The modality is no code of DICOM CID 29, such as CT, MR or US";
            refusals.add("modality", UserErrorCode::InvalidFormat, message);
        }
        let body_site = sent.body_site.as_ref().map(|site| refusals.coding("bodySite", site));
        let reason = text(&mut refusals, "reason", &sent.reason);
        let reason_codes = self.reason_codes(&mut refusals);
        refusals.or(ImagingOrder {
            id,
            accession_number: String::new(),
            patient_id: patient_id.unwrap_or_default(),
            status: OrderStatus::Active,
            stage: if appointment_id.is_some() { OrderStage::Scheduled } else { OrderStage::Ordered },
            priority: sent.priority,
            ordered_by: orderer.unwrap_or_default(),
            radiologist_id,
            appointment_id,
            code,
            modality: sent.modality.clone(),
            body_site,
            reason,
            reason_codes,
            image_ids: Vec::new(),
            acquired_at: None,
            due_at: now + self.settings.due_in(sent.priority),
            reading_until: None,
            result_seen_at: None,
            revoke_reason: None,
            created_at: now,
            updated_at: now,
            version: 1,
            shown_at: now,
            shown_version: 1,
        })
    }

    fn reason_codes(&self, refusals: &mut Refusals) -> Vec<Coding> {
        let sent = &self.order.reason_codes;
        if sent.len() > MOST_REASONS {
            let message = format!("An order has at most {MOST_REASONS} reasons");
            refusals.add("reasonCodes", UserErrorCode::OutOfRange, message);
        }
        let each = sent.iter().take(MOST_REASONS).enumerate().map(|(place, code)| {
            let field = format!("reasonCodes.{place}");
            let code = refusals.coding(&field, code);
            if !is_icd10(&code) {
                let message = "The reason is no code of ICD-10, such as R05 of http://hl7.org/fhir/sid/icd-10";
                refusals.add(&format!("{field}.code"), UserErrorCode::InvalidFormat, message);
            }
            code
        });
        each.collect()
    }
}
