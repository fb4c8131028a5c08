use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One change of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordVersion {
    /// The record.
    pub record_id: Uuid,
    /// The version that the record had after this change; 1 is its creation.
    pub version: i32,
    /// When the change was made.
    pub changed_at: DateTime<Utc>,
    /// The account that made it; none for an import.
    pub changed_by: Option<Uuid>,
    /// The names of the fields that changed, as the graph has them.
    pub changed_fields: Vec<String>,
    /// Why, where somebody had to say so.
    pub reason: Option<String>,
}

/// Collects the names of the fields that an update really changes.
#[derive(Debug, Default)]
pub(crate) struct ChangedFields(Vec<String>);

impl ChangedFields {
    /// Sets a field, and notes its name if that changes it. `None` leaves it as it is.
    pub(crate) fn set<T: PartialEq>(&mut self, field: &str, old: &mut T, new: Option<T>) {
        if let Some(new) = new.filter(|new| new != old) {
            *old = new;
            self.0.push(field.to_owned());
        }
    }

    pub(crate) fn into_fields(self) -> Vec<String> {
        self.0
    }
}
