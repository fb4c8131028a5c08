use chrono::{DateTime, SecondsFormat, Utc};
use healthbridge_chain::{self as chain, Link};
use healthbridge_terms::coded;
use sha2::{Digest, Sha256};
use uuid::Uuid;

coded! {
    /// What was done.
    pub enum WorkflowAction {
        /// An examination was ordered.
        Ordered,
        /// The patient arrived and was checked in.
        CheckedIn,
        /// The images of an examination were acquired.
        Acquired,
        /// Images were uploaded.
        Uploaded,
        /// A report was assigned to a reader.
        Assigned,
        /// A radiologist began to read the images.
        ReadStarted,
        /// A report was drafted.
        Drafted,
        /// A report was signed and released.
        Confirmed,
        /// A released report was changed.
        Amended,
        /// Something was added to a released report.
        AddendumAdded,
        /// Something was cancelled.
        Cancelled,
        /// A report was handed over.
        Delivered,
        /// Something was billed.
        Billed,
        /// Something was paid.
        Paid,
        /// Something was paid back.
        Refunded,
        /// Anything that the other values do not cover.
        Other,
    }
}

/// What is to be logged.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Our id.
    pub id: Uuid,
    /// When the action took place.
    pub occurred_at: DateTime<Utc>,
    /// When the entry was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who did it.
    pub user_id: Uuid,
    /// What was done.
    pub action: WorkflowAction,
    /// A comment in plain text.
    pub note: Option<String>,
    /// The patient.
    pub patient_id: Option<Uuid>,
    /// The report.
    pub report_id: Option<Uuid>,
    /// The image.
    pub image_id: Option<Uuid>,
}

/// An entry in its place of the chain.
pub type WorkflowLog = Link<Entry>;

impl chain::Entry for Entry {
    /// SHA-256 over the fields in this order as a JSON array; times are in microseconds, as the database keeps them.
    fn digest(&self, seq: i64, prev_hash: &str) -> String {
        let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let content = serde_json::json!([
            prev_hash,
            seq,
            self.id,
            time(&self.occurred_at),
            time(&self.recorded_at),
            self.user_id,
            <&str>::from(self.action),
            self.note,
            self.patient_id,
            self.report_id,
            self.image_id,
        ]);
        hex::encode(Sha256::digest(content.to_string().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use healthbridge_chain::Head;

    use super::*;

    fn entry() -> Entry {
        Entry {
            id: Uuid::nil(),
            occurred_at: DateTime::UNIX_EPOCH,
            recorded_at: DateTime::UNIX_EPOCH,
            user_id: Uuid::nil(),
            action: WorkflowAction::Drafted,
            note: Some("a \"note\"\u{7}".to_owned()),
            patient_id: None,
            report_id: Some(Uuid::max()),
            image_id: None,
        }
    }

    #[test]
    fn a_changed_entry_does_not_fit_its_hash() {
        let mut log = WorkflowLog::behind(&Head::default(), entry());
        assert!(log.is_intact() && log.seq == 1);
        log.entry.action = WorkflowAction::Confirmed;
        assert!(!log.is_intact());
    }

    #[test]
    fn the_hash_is_that_of_logs_that_exist() {
        let hash = "3ae835114b55fee38a60f01b8bc3b0bf81e2db4a483fd3b19ff1f428ee85ca68";
        assert_eq!(WorkflowLog::behind(&Head::default(), entry()).hash, hash);
    }
}
