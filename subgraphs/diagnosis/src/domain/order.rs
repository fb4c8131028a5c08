//! Orders for imaging (FHIR ServiceRequest), and what may become of them. No clock: whoever asks says when.

mod steps;

use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, coded};
use uuid::Uuid;

use super::ReportPriority;

pub use steps::{OrderChange, OrderRefusal};

coded! {
    /// The status of an imaging order (FHIR request-status).
    pub enum OrderStatus {
        /// It is being written, and nobody acts on it (FHIR `draft`).
        Draft,
        /// It is to be carried out (FHIR `active`).
        Active,
        /// It rests, and nobody acts on it until it is active again (FHIR `on-hold`).
        OnHold,
        /// It was taken back, and will not be carried out (FHIR `revoked`).
        Revoked,
        /// It was carried out: its report was released (FHIR `completed`).
        Completed,
        /// It was recorded by mistake and must be disregarded (FHIR `entered-in-error`).
        EnteredInError,
        /// Unknown (FHIR `unknown`).
        Unknown,
    }
}

coded! {
    /// Where an active imaging order is on its way.
    pub enum OrderStage {
        /// Ordered: the images are to be acquired.
        Ordered,
        /// An appointment was made for it: the images are to be acquired.
        Scheduled,
        /// The images are there, and are to be read.
        Acquired,
        /// A report was begun. To patients it looks like ACQUIRED.
        Reading,
        /// The report was released.
        Reported,
    }
}

/// An order for imaging (FHIR ServiceRequest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagingOrder {
    /// Our id.
    pub id: Uuid,
    /// The number that images, appointments and reports are filed by (DICOM Accession Number), without gaps per year.
    pub accession_number: String,
    /// The patient who is to be examined.
    pub patient_id: Uuid,
    /// The status.
    pub status: OrderStatus,
    /// Where it is on its way.
    pub stage: OrderStage,
    /// The priority (FHIR request-priority).
    pub priority: ReportPriority,
    /// The member of the medical staff who ordered it.
    pub ordered_by: Uuid,
    /// The radiologist who is to read the images, reads them, or has read them.
    pub radiologist_id: Option<Uuid>,
    /// The appointment at which the images are acquired.
    pub appointment_id: Option<Uuid>,
    /// What is to be examined, a code of LOINC or SNOMED CT.
    pub code: Option<Coding>,
    /// How the images are to be acquired, a code of DICOM's Modality (0008,0060).
    pub modality: String,
    /// The part of the body.
    pub body_site: Option<Coding>,
    /// Why it was ordered, in plain text.
    pub reason: String,
    /// Why it was ordered, in codes of ICD-10.
    pub reason_codes: Vec<Coding>,
    /// The images that were acquired for it.
    pub image_ids: Vec<Uuid>,
    /// When the images were there.
    pub acquired_at: Option<DateTime<Utc>>,
    /// So long after the acquisition as the priority allows; before it, after the order: worklists sort by it.
    pub due_at: DateTime<Utc>,
    /// Until when the radiologist has it alone without having begun a report.
    pub reading_until: Option<DateTime<Utc>>,
    /// When somebody who orders said that the result was seen.
    pub result_seen_at: Option<DateTime<Utc>>,
    /// Why it was revoked.
    pub revoke_reason: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
    /// When something was last changed that the patient may know of.
    pub shown_at: DateTime<Utc>,
    /// The version that the patient is told: one more with each change that the patient may know of.
    pub shown_version: i32,
}

impl ImagingOrder {
    /// When its report is due; nobody can say before the images are there.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        self.acquired_at.map(|_| self.due_at)
    }

    /// Whether its report should be there by now.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.is_open() && self.due_at().is_some_and(|due| due < now)
    }

    /// The radiologist who has it alone at this moment, and until when.
    pub fn reader(&self, now: DateTime<Utc>) -> Option<(Uuid, DateTime<Utc>)> {
        let until = self.reading_until.filter(|until| *until > now)?;
        Some((self.radiologist_id?, until))
    }

    /// The order as its patient may see it: whether and by whom it is being read, and whether a report was begun, is in
    /// nothing of it, neither in its version.
    #[must_use]
    pub fn for_patient(self) -> Self {
        let is_reported = self.stage == OrderStage::Reported;
        Self {
            stage: if self.stage == OrderStage::Reading { OrderStage::Acquired } else { self.stage },
            radiologist_id: self.radiologist_id.filter(|_| is_reported),
            reading_until: None,
            result_seen_at: None,
            updated_at: self.shown_at,
            version: self.shown_version,
            ..self
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Active | OrderStatus::OnHold)
    }

    fn base(&self) -> DateTime<Utc> {
        self.acquired_at.unwrap_or(self.created_at)
    }
}
