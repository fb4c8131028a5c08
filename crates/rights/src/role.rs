use std::fmt;

use healthbridge_terms::{Coded, coded};

coded! {
    /// A role of an account, which decides what it may do. `docs/rights.md` has the table.
    pub enum Role("SystemRole") {
        /// Runs the installation and its accounts.
        Admin,
        /// A physician who treats patients.
        Doctor,
        /// A physician who reads images and signs reports.
        Radiologist,
        /// Acquires images.
        Technologist,
        /// Cares for patients.
        Nurse,
        /// Registers patients, books appointments and handles bills.
        Clerk,
        /// Reads everything and changes nothing.
        Auditor,
        /// A patient, who sees nothing but their own record.
        Patient,
        /// A machine account, with exactly the scopes that it was created with.
        Service,
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
