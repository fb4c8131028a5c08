use chrono::{DateTime, SecondsFormat, Utc};
use healthbridge_terms::coded;
use sha2::{Digest, Sha256};
use uuid::Uuid;

coded! {
    /// What was done.
    pub enum WorkflowAction {
        /// An examination was ordered.
        Ordered,
        /// The patient has come.
        CheckedIn,
        /// Images were acquired.
        Acquired,
        /// Images were uploaded.
        Uploaded,
        /// A report was assigned to a reader.
        Assigned,
        /// Somebody began to read.
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
        /// Something else.
        Other,
    }
}

/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is to be logged.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Our id.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it was written down.
    pub recorded_at: DateTime<Utc>,
    /// Who did it.
    pub user_id: Uuid,
    /// What was done.
    pub action: WorkflowAction,
    /// A remark.
    pub note: Option<String>,
    /// The patient.
    pub patient_id: Option<Uuid>,
    /// The report.
    pub report_id: Option<Uuid>,
    /// The image.
    pub image_id: Option<Uuid>,
}

/// An entry in its place of the chain.
#[derive(Clone, Debug)]
pub struct WorkflowLog {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// What was logged.
    pub entry: Entry,
    /// The hash of the entry before.
    pub prev_hash: String,
    /// The hash of this entry and the one before.
    pub hash: String,
}

impl WorkflowLog {
    /// Puts an entry behind the one with this place and hash.
    pub fn chain(entry: Entry, prev_seq: i64, prev_hash: String) -> Self {
        let seq = prev_seq + 1;
        let hash = digest(&entry, seq, &prev_hash);
        Self { seq, entry, prev_hash, hash }
    }

    /// Whether the hash is that of the content.
    pub fn is_intact(&self) -> bool {
        self.hash == digest(&self.entry, self.seq, &self.prev_hash)
    }
}

/// SHA-256 over the fields in this order as a JSON array; times are in microseconds, as the database keeps them.
fn digest(entry: &Entry, seq: i64, prev_hash: &str) -> String {
    let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let content = serde_json::json!([
        prev_hash,
        seq,
        entry.id,
        time(&entry.occurred_at),
        time(&entry.recorded_at),
        entry.user_id,
        <&str>::from(entry.action),
        entry.note,
        entry.patient_id,
        entry.report_id,
        entry.image_id,
    ]);
    hex::encode(Sha256::digest(content.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_entry_does_not_fit_its_hash() {
        let now = Utc::now();
        let entry = Entry {
            id: Uuid::nil(),
            occurred_at: now,
            recorded_at: now,
            user_id: Uuid::nil(),
            action: WorkflowAction::Drafted,
            note: None,
            patient_id: None,
            report_id: None,
            image_id: None,
        };
        let mut log = WorkflowLog::chain(entry, 0, GENESIS.to_owned());
        assert!(log.is_intact() && log.seq == 1);
        log.entry.action = WorkflowAction::Confirmed;
        assert!(!log.is_intact());
    }
}
