//! What a deployment decides of the subgraph: the section `[subgraphs.diagnosis]` of the configuration.

mod appointments;
mod reports;

use serde::Deserialize;

pub use appointments::AppointmentSettings;
pub use reports::ReportSettings;

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Appointments.
    pub appointments: AppointmentSettings,
    /// Reports.
    pub reports: ReportSettings,
}
