//! The one table of rights, in SMART App Launch v2 scopes: `user/Patient.r`, `patient/Patient.r`, `policy:report.sign`.

use std::{collections::BTreeSet, fmt};

use crate::Role;

/// What a scope guards; the names are FHIR's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Accounts. Not a FHIR resource.
    User,
    /// Patients' demographics.
    Patient,
    /// Medical staff.
    Practitioner,
    /// Images, uploads and links to files.
    ImagingStudy,
    /// Diagnosis reports.
    DiagnosticReport,
    /// Imaging orders.
    ServiceRequest,
    /// Appointments.
    Appointment,
    /// Billings.
    ChargeItem,
    /// Invoices.
    Invoice,
    /// Payments.
    PaymentNotice,
    /// The workflow log.
    Provenance,
    /// The access log.
    AuditEvent,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a scope allows, a letter of SMART v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// `c`
    Create,
    /// `r`
    Read,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `s`
    Search,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    /// The letter in a scope.
    pub fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }
}

/// A row per resource; a column per role in the order of [`TABLE_ROLES`].
pub(crate) const TABLE: &[(Resource, [&str; 8])] = &[
    (Resource::User, ["cruds", "r", "r", "r", "r", "r", "rs", ""]),
    (Resource::Patient, ["cruds", "crus", "rs", "rs", "rus", "crus", "rs", "r"]),
    (Resource::Practitioner, ["cruds", "rs", "rs", "rs", "rs", "rs", "rs", "r"]),
    (Resource::ImagingStudy, ["ruds", "crus", "crus", "crus", "rs", "", "rs", "r"]),
    (Resource::DiagnosticReport, ["rs", "crus", "crus", "rs", "rs", "", "rs", "r"]),
    (Resource::ServiceRequest, ["rus", "crus", "rus", "rus", "rs", "rs", "rs", "r"]),
    (Resource::Appointment, ["cruds", "crus", "rs", "rs", "crus", "cruds", "rs", "r"]),
    (Resource::ChargeItem, ["rus", "r", "", "", "", "crus", "rs", "r"]),
    (Resource::Invoice, ["rus", "r", "", "", "", "crus", "rs", "r"]),
    (Resource::PaymentNotice, ["r", "", "", "", "", "cr", "rs", ""]),
    (Resource::Provenance, ["crs", "crs", "crs", "crs", "crs", "crs", "rs", ""]),
    (Resource::AuditEvent, ["rs", "", "", "", "", "", "rs", "r"]),
];

const TABLE_ROLES: [Role; 8] = [
    Role::Admin,
    Role::Doctor,
    Role::Radiologist,
    Role::Technologist,
    Role::Nurse,
    Role::Clerk,
    Role::Auditor,
    Role::Patient,
];

/// Scopes that named roles hold beside the table.
pub(crate) fn policies(role: Role) -> &'static [&'static str] {
    match role {
        Role::Admin => &["admin", "patient.merge", "privacy.officer"],
        Role::Doctor => &["report.sign"],
        Role::Radiologist => &["report.sign", "imaging.tags"],
        Role::Technologist => &["imaging.tags"],
        Role::Clerk => &["billing.refund"],
        Role::Auditor => &["audit.read", "records.audit", "privacy.officer"],
        Role::Nurse | Role::Patient | Role::Service => &[],
    }
}

/// The scopes that a PATIENT has beside the table where the installation lets patients book and cancel appointments for their
/// own record.
pub const PATIENTS_BOOK: [&str; 2] = ["patient/Appointment.c", "patient/Appointment.u"];

/// The scopes that a role gives. A PATIENT's are `patient/…`, everybody else's are `user/…`;
/// a SERVICE account has none by its role.
pub fn scopes_of(role: Role) -> Vec<String> {
    let context = if role == Role::Patient { "patient" } else { "user" };
    let column = TABLE_ROLES.iter().position(|candidate| *candidate == role);
    let table = TABLE.iter().flat_map(|(resource, rights)| {
        let letters = column.map_or("", |column| rights[column]);
        letters.chars().map(move |letter| format!("{context}/{resource}.{letter}"))
    });
    table.chain(policies(role).iter().map(|policy| format!("policy:{policy}"))).collect()
}

/// The scopes of an account: the union of its roles' and those that it has beside them.
pub fn granted(roles: &[Role], beside: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    roles.iter().copied().flat_map(scopes_of).chain(beside).collect()
}

/// Whether a text is a scope that a machine may have: `system/` and a resource with one right.
pub fn is_system_scope(scope: &str) -> bool {
    TABLE
        .iter()
        .any(|(resource, _)| Right::ALL.iter().any(|right| scope == format!("system/{resource}.{}", right.letter())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_reads_the_own_compartment_and_nothing_else() {
        let scopes = scopes_of(Role::Patient);
        assert!(
            scopes.iter().all(|scope| scope.starts_with("patient/") && scope.rsplit('.').next() == Some("r")),
            "{scopes:?}"
        );
        assert!(scopes.contains(&"patient/DiagnosticReport.r".to_owned()));
        assert!(!scopes.contains(&"patient/User.r".to_owned()));
    }

    #[test]
    fn a_clerk_handles_bills_and_sees_no_images() {
        let scopes = scopes_of(Role::Clerk);
        assert!(scopes.contains(&"user/ChargeItem.c".to_owned()));
        assert!(scopes.contains(&"policy:billing.refund".to_owned()));
        assert!(!scopes.iter().any(|scope| scope.contains("ImagingStudy") || scope.contains("DiagnosticReport")));
    }

    #[test]
    fn an_auditor_changes_nothing() {
        let changes =
            |scope: &String| scope.rsplit_once('.').is_some_and(|(_, right)| matches!(right, "c" | "u" | "d"));
        assert!(!scopes_of(Role::Auditor).iter().any(changes));
    }

    #[test]
    fn a_service_account_has_no_scope_by_its_role() {
        assert!(scopes_of(Role::Service).is_empty());
    }
}
