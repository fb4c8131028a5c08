use std::num::NonZeroU32;

use chrono::Duration;
use serde::Deserialize;

use crate::domain::ReportPriority;

/// When orders are due, and how long a radiologist has one alone. All in minutes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderSettings {
    /// How long after the acquisition an order with priority STAT is to be reported; 60 where it is left out.
    pub stat_minutes: NonZeroU32,
    /// Likewise with priority ASAP; 240.
    pub asap_minutes: NonZeroU32,
    /// Likewise with priority URGENT; 1440, a day.
    pub urgent_minutes: NonZeroU32,
    /// Likewise with priority ROUTINE; 10080, a week.
    pub routine_minutes: NonZeroU32,
    /// How long a radiologist who began to read has the order alone; 30.
    pub reading_minutes: NonZeroU32,
}

impl Default for OrderSettings {
    fn default() -> Self {
        let minutes = |minutes| NonZeroU32::new(minutes).unwrap_or(NonZeroU32::MIN);
        Self {
            stat_minutes: minutes(60),
            asap_minutes: minutes(4 * 60),
            urgent_minutes: minutes(24 * 60),
            routine_minutes: minutes(7 * 24 * 60),
            reading_minutes: minutes(30),
        }
    }
}

impl OrderSettings {
    /// How long after the acquisition an order of this priority is to be reported.
    pub fn due_in(&self, priority: ReportPriority) -> Duration {
        let minutes = match priority {
            ReportPriority::Stat => self.stat_minutes,
            ReportPriority::Asap => self.asap_minutes,
            ReportPriority::Urgent => self.urgent_minutes,
            ReportPriority::Routine => self.routine_minutes,
        };
        Duration::minutes(minutes.get().into())
    }

    /// How long a radiologist who began to read has the order alone.
    pub fn lock(&self) -> Duration {
        Duration::minutes(self.reading_minutes.get().into())
    }
}
