use healthbridge_change::Making;
use healthbridge_outcome::{Fault, Total, Window};
use healthbridge_rights::Caller;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{domain::RecordVersion, store::record_versions};

/// Who changed which record.
pub(crate) struct RecordVersions {
    pool: PgPool,
}

impl RecordVersions {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A page of the changes of each of these records, for whoever audits records.
    pub(crate) async fn of_records(
        &self,
        caller: &Caller,
        records: &[Uuid],
        window: &Window<i32>,
    ) -> Result<Vec<RecordVersion>, Fault> {
        if !caller.holds("policy:records.audit") {
            return Ok(Vec::new());
        }
        Ok(record_versions::of_records(&self.pool, records, window).await?)
    }

    /// How many changes of each of these records there are, for whoever audits records.
    pub(crate) async fn count_of_records(
        &self,
        caller: &Caller,
        records: &[Uuid],
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        if !caller.holds("policy:records.audit") {
            return Ok(Vec::new());
        }
        Ok(record_versions::count_of_records(&self.pool, records).await?)
    }
}

/// Notes with a change of a record who made it.
pub(super) async fn note(
    making: &mut Making<'_>,
    record_id: Uuid,
    version: i32,
    changed_fields: Vec<String>,
    reason: Option<String>,
) -> Result<(), sqlx::Error> {
    let changed_by = Some(making.user_id());
    let version = RecordVersion { record_id, version, changed_at: making.now, changed_by, changed_fields, reason };
    record_versions::insert(making.connection(), &version).await
}
