//! What a deployment decides of the subgraph: the section `[subgraphs.diagnosis]` of the configuration.

mod appointments;

use serde::Deserialize;

pub use appointments::AppointmentSettings;

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Appointments.
    pub appointments: AppointmentSettings,
}
