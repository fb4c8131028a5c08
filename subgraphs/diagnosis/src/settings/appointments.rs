use chrono_tz::Tz;
use serde::Deserialize;

/// What a deployment decides of appointments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppointmentSettings {
    /// The clinic's time zone by its IANA name, such as `Europe/Berlin`: working hours are by its clock. UTC where it is left
    /// out.
    pub time_zone: Tz,
    /// Whether patients book and cancel appointments for their own record.
    pub patients_book: bool,
}

impl Default for AppointmentSettings {
    fn default() -> Self {
        Self { time_zone: Tz::UTC, patients_book: false }
    }
}
