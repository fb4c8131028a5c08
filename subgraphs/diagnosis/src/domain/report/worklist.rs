//! Where a report is on the lists of what is to be done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Report, ReportPriority};

/// A place on the worklist: STAT first, then the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkPlace {
    /// Whether it can wait for what is STAT.
    pub can_wait: bool,
    /// When the report was created.
    pub created_at: DateTime<Utc>,
    /// The report.
    pub id: Uuid,
}

impl WorkPlace {
    /// The place of a report.
    pub fn of(report: &Report) -> Self {
        let can_wait = report.priority != ReportPriority::Stat;
        Self { can_wait, created_at: report.created_at, id: report.id }
    }
}

/// A place on the list of critical results: the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CriticalPlace {
    /// When the report was released.
    pub since: DateTime<Utc>,
    /// The report.
    pub id: Uuid,
}

impl CriticalPlace {
    /// The place of a report.
    pub fn of(report: &Report) -> Self {
        Self { since: report.issued_at.unwrap_or(report.created_at), id: report.id }
    }
}

/// Before all that the database can hold of us: a year that no row has.
const FIRST: DateTime<Utc> = DateTime::from_timestamp(-62_000_000_000, 0).expect("a time");
/// Behind all of it.
const LAST: DateTime<Utc> = DateTime::from_timestamp(253_000_000_000, 0).expect("a time");

impl WorkPlace {
    /// Before every place.
    pub const LEAST: Self = Self { can_wait: false, created_at: FIRST, id: Uuid::nil() };
    /// Behind every place.
    pub const GREATEST: Self = Self { can_wait: true, created_at: LAST, id: Uuid::max() };
}

impl CriticalPlace {
    /// Before every place.
    pub const LEAST: Self = Self { since: FIRST, id: Uuid::nil() };
    /// Behind every place.
    pub const GREATEST: Self = Self { since: LAST, id: Uuid::max() };
}
