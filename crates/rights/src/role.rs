use std::fmt;

use healthbridge_terms::{Coded, coded};

coded! {
    /// A role of an account: the table of rights says what each may do.
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
        /// A patient, who sees the own record only.
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
