//! All SQL of the subgraph, a module for each aggregate.

pub(crate) mod appointments;
pub(crate) mod orders;
pub(crate) mod reports;
pub(crate) mod workflow_logs;
pub(crate) mod working_hours;
pub(crate) mod worklists;
