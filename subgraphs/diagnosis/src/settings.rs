//! What a deployment decides of the subgraph: the section `[subgraphs.diagnosis]` of the configuration.

mod appointments;
mod orders;
mod reports;

use serde::Deserialize;

pub use appointments::AppointmentSettings;
pub use orders::OrderSettings;
pub use reports::ReportSettings;

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Appointments.
    pub appointments: AppointmentSettings,
    /// Imaging orders and worklists.
    pub orders: OrderSettings,
    /// Reports.
    pub reports: ReportSettings,
}
