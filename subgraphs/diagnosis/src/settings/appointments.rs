use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de::Error};

/// What a deployment decides of appointments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppointmentSettings {
    /// The clinic's time zone by its IANA name, such as `Europe/Berlin`: working hours are by its clock. UTC where it is left
    /// out.
    #[serde(deserialize_with = "zone")]
    pub time_zone: Tz,
    /// Whether patients book and cancel appointments for their own record.
    pub patients_book: bool,
}

impl Default for AppointmentSettings {
    fn default() -> Self {
        Self { time_zone: Tz::UTC, patients_book: false }
    }
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse()
        .map_err(|_| D::Error::custom(format!("there is no time zone {name:?} (IANA), such as \"Europe/Berlin\"")))
}
