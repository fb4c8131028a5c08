//! What each caller may see, from `docs/rights.md` and from what is written here: not from the directives that are tested.

use std::collections::HashMap;

use crate::graph::{Field, Graph};

/// What guards an object or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A right of the table, such as `r` of `Patient`.
    Resource(&'static str),
    /// A policy of the table.
    Policy(&'static str),
    /// A part of whatever it stands in.
    Part,
}

/// Every object type has its guard. A type that is not here fails the test.
const TYPES: &[(&str, Guard)] = &[
    ("Patient", Guard::Resource("Patient")),
    ("PatientMatch", Guard::Resource("Patient")),
    ("PatientVersion", Guard::Policy("records.audit")),
    ("MedicalStaff", Guard::Resource("Practitioner")),
    ("MedicalStaffVersion", Guard::Policy("records.audit")),
    ("User", Guard::Resource("User")),
    ("UserVersion", Guard::Policy("records.audit")),
    ("MedicalImage", Guard::Resource("ImagingStudy")),
    ("ImageUpload", Guard::Resource("ImagingStudy")),
    // What it opens is guarded by the field that gives it.
    ("PresignedUrl", Guard::Part),
    ("DiagnosisReport", Guard::Resource("DiagnosticReport")),
    ("ImagingOrder", Guard::Resource("ServiceRequest")),
    ("WorkflowLog", Guard::Resource("Provenance")),
    ("Appointment", Guard::Resource("Appointment")),
    ("WorkingHours", Guard::Resource("Appointment")),
    ("WeeklyHours", Guard::Part),
    ("TimeSlot", Guard::Part),
    ("Billing", Guard::Resource("ChargeItem")),
    ("CostSummary", Guard::Resource("ChargeItem")),
    ("LedgerEntry", Guard::Resource("PaymentNotice")),
    ("LedgerExport", Guard::Resource("PaymentNotice")),
    ("Invoice", Guard::Resource("Invoice")),
    ("ServiceItem", Guard::Part),
    ("PriceComponent", Guard::Part),
    ("BillingStatistics", Guard::Resource("ChargeItem")),
    ("MonthlyRevenue", Guard::Resource("ChargeItem")),
    ("AgedReceivables", Guard::Resource("ChargeItem")),
    ("CurrencyTotal", Guard::Part),
    ("HumanName", Guard::Part),
    ("Identifier", Guard::Part),
    ("ContactPoint", Guard::Part),
    ("Address", Guard::Part),
    ("Coding", Guard::Part),
    ("Money", Guard::Part),
    ("HttpHeader", Guard::Part),
    ("PageInfo", Guard::Part),
    ("UserError", Guard::Part),
];

/// Who owns an entity: the others add fields to it, each with a guard of its own.
const OWNERS: &[(&str, &str)] = &[
    ("Patient", "patients"),
    ("MedicalStaff", "patients"),
    ("User", "patients"),
    ("MedicalImage", "imaging"),
    ("DiagnosisReport", "diagnosis"),
    ("ImagingOrder", "diagnosis"),
    ("WorkflowLog", "diagnosis"),
    ("Appointment", "diagnosis"),
    ("Billing", "billing"),
    ("LedgerEntry", "billing"),
    ("Invoice", "billing"),
];

/// What a root field needs: a right on a resource, several things at once, or nothing of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Open, or about the caller's own account.
    Nothing,
    /// A right on a resource.
    Right(char, &'static str),
    /// A right on a resource of everybody, which a patient's own does not give.
    Staff(char, &'static str),
    /// A right on a resource, and a policy.
    RightAndPolicy(char, &'static str, &'static str),
    /// Rights on two resources.
    Both((char, &'static str), (char, &'static str)),
}

/// Every root field has its need. A field that is not here fails the test.
const ROOTS: &[(&str, Need)] = &[
    ("me", Need::Nothing),
    ("user", Need::Right('r', "User")),
    ("users", Need::Right('s', "User")),
    ("patient", Need::Right('r', "Patient")),
    ("patients", Need::Right('s', "Patient")),
    ("patientByIdentifier", Need::Right('s', "Patient")),
    ("patientMatches", Need::Right('s', "Patient")),
    ("staff", Need::Right('s', "Practitioner")),
    ("staffMember", Need::Right('r', "Practitioner")),
    ("image", Need::Right('r', "ImagingStudy")),
    ("images", Need::Right('s', "ImagingStudy")),
    ("imageUpload", Need::Right('c', "ImagingStudy")),
    ("report", Need::Right('r', "DiagnosticReport")),
    ("reports", Need::Right('s', "DiagnosticReport")),
    ("appointment", Need::Right('r', "Appointment")),
    ("appointments", Need::Right('s', "Appointment")),
    ("freeSlots", Need::Right('r', "Appointment")),
    ("bookAppointment", Need::Right('c', "Appointment")),
    ("updateAppointment", Need::Right('u', "Appointment")),
    ("checkInAppointment", Need::Right('u', "Appointment")),
    ("fulfilAppointment", Need::Right('u', "Appointment")),
    ("markAppointmentNoShow", Need::Right('u', "Appointment")),
    ("cancelAppointment", Need::Right('u', "Appointment")),
    ("setWorkingHours", Need::Right('u', "Appointment")),
    ("imagingOrder", Need::Right('r', "ServiceRequest")),
    ("imagingOrders", Need::Right('s', "ServiceRequest")),
    ("imagingWorklist", Need::Right('s', "ServiceRequest")),
    ("orderImaging", Need::Right('c', "ServiceRequest")),
    ("updateImagingOrder", Need::Right('u', "ServiceRequest")),
    ("completeAcquisition", Need::Right('u', "ServiceRequest")),
    ("revokeImagingOrder", Need::Right('u', "ServiceRequest")),
    ("startReading", Need::Both(('u', "ServiceRequest"), ('c', "DiagnosticReport"))),
    ("stopReading", Need::Both(('u', "ServiceRequest"), ('c', "DiagnosticReport"))),
    ("acknowledgeImagingResult", Need::Right('c', "ServiceRequest")),
    ("workflowLog", Need::Right('r', "Provenance")),
    ("workflowLogs", Need::Right('s', "Provenance")),
    ("billing", Need::Right('r', "ChargeItem")),
    ("billings", Need::Right('s', "ChargeItem")),
    ("signIn", Need::Nothing),
    ("signInWithToken", Need::Nothing),
    ("signOut", Need::Nothing),
    ("registerUser", Need::Nothing),
    ("refreshSession", Need::Nothing),
    ("changePassword", Need::Nothing),
    ("reauthenticate", Need::Nothing),
    ("completePasswordReset", Need::Nothing),
    ("beginTotp", Need::Nothing),
    ("confirmTotp", Need::Nothing),
    ("disableTotp", Need::Nothing),
    ("createUser", Need::Right('c', "User")),
    ("resetUserPassword", Need::RightAndPolicy('u', "User", "admin")),
    ("activateUser", Need::Right('u', "User")),
    ("deactivateUser", Need::Right('u', "User")),
    ("setUserRoles", Need::RightAndPolicy('u', "User", "admin")),
    ("linkPatientAccount", Need::Right('u', "Patient")),
    ("createPatient", Need::Right('c', "Patient")),
    ("updatePatient", Need::Right('u', "Patient")),
    ("createStaffMember", Need::Right('c', "Practitioner")),
    ("updateStaffMember", Need::Right('u', "Practitioner")),
    ("requestImageUpload", Need::Right('c', "ImagingStudy")),
    ("completeImageUpload", Need::Right('c', "ImagingStudy")),
    ("deleteImage", Need::Right('d', "ImagingStudy")),
    ("createReport", Need::Right('c', "DiagnosticReport")),
    ("addWorkflowLog", Need::Right('c', "Provenance")),
    ("addBilling", Need::Right('c', "ChargeItem")),
    ("updateBilling", Need::Right('u', "ChargeItem")),
    ("voidBilling", Need::Right('u', "ChargeItem")),
    ("payBilling", Need::Right('c', "PaymentNotice")),
    ("refundPayment", Need::RightAndPolicy('c', "PaymentNotice", "billing.refund")),
    ("exportLedger", Need::Right('s', "PaymentNotice")),
    ("serviceItems", Need::Staff('r', "ChargeItem")),
    ("addServiceItem", Need::Right('c', "ChargeItem")),
    ("retireServiceItem", Need::Right('u', "ChargeItem")),
    ("payInvoice", Need::Right('c', "PaymentNotice")),
    ("createInvoice", Need::Right('c', "Invoice")),
    ("issueInvoice", Need::Right('u', "Invoice")),
    ("cancelInvoice", Need::Right('u', "Invoice")),
    ("invoice", Need::Right('r', "Invoice")),
    ("invoices", Need::Right('s', "Invoice")),
    ("billingStatistics", Need::Right('s', "ChargeItem")),
    ("monthlyRevenue", Need::Right('s', "ChargeItem")),
    ("agedReceivables", Need::Right('s', "ChargeItem")),
];

/// The resources that machines may be given rights on.
const RESOURCES: [&str; 12] = [
    "User",
    "Patient",
    "Practitioner",
    "ImagingStudy",
    "DiagnosticReport",
    "ServiceRequest",
    "Appointment",
    "ChargeItem",
    "Invoice",
    "PaymentNotice",
    "Provenance",
    "AuditEvent",
];

/// What an account of a role may do.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    letters: HashMap<String, String>,
    policies: Vec<String>,
    /// Whether they reach the own record only.
    is_own: bool,
}

impl Rights {
    /// Every role's, read from the document; the anonymous and machines without scopes have none.
    pub fn of_roles() -> HashMap<String, Self> {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rights.md")).expect("the table");
        let mut rows = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        let roles = rows.next().expect("a head").split_off(1);
        let mut all: HashMap<String, Self> = roles.iter().map(|role| (role.clone(), Self::default())).collect();
        for row in rows.skip(1) {
            for (role, cell) in roles.iter().zip(&row[1..]).filter(|(_, cell)| *cell != "–") {
                let rights = all.get_mut(role).expect("a role");
                if row[0] == "policies" {
                    rights.policies = cell.split(", ").map(str::to_owned).collect();
                } else {
                    rights.letters.insert(row[0].clone(), cell.replace(' ', ""));
                }
            }
        }
        all.get_mut("PATIENT").expect("a role of the table").is_own = true;
        all.insert("anonymous".to_owned(), Self::default());
        all.insert("SERVICE".to_owned(), Self::default());
        // A machine with every `system/` scope that there is: every right, and no policy.
        let letters = RESOURCES.iter().map(|resource| ((*resource).to_owned(), "cruds".to_owned())).collect();
        all.insert("MACHINE".to_owned(), Self { letters, policies: Vec::new(), is_own: false });
        all
    }

    /// The scopes of the machine.
    pub fn machine_scopes() -> Vec<String> {
        let of =
            |resource: &&str| "cruds".chars().map(|letter| format!("system/{resource}.{letter}")).collect::<Vec<_>>();
        RESOURCES.iter().flat_map(of).collect()
    }

    pub fn has(&self, letter: char, resource: &str) -> bool {
        self.letters.get(resource).is_some_and(|letters| letters.contains(letter))
    }

    fn reads(&self, guard: Guard) -> bool {
        match guard {
            Guard::Resource(resource) => self.has('r', resource),
            Guard::Policy(policy) => self.policies.iter().any(|one| one == policy),
            Guard::Part => true,
        }
    }

    /// Whether a root field may be asked for.
    pub fn asks(&self, root: &str) -> bool {
        match need(root) {
            Need::Nothing => true,
            Need::Right(letter, resource) => self.has(letter, resource),
            Need::Staff(letter, resource) => !self.is_own && self.has(letter, resource),
            Need::Both(one, other) => self.has(one.0, one.1) && self.has(other.0, other.1),
            Need::RightAndPolicy(letter, resource, policy) => {
                self.has(letter, resource) && self.policies.iter().any(|one| one == policy)
            }
        }
    }
}

/// What a field of an object that is visible shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Its value.
    Value,
    /// A reference: the key of an object whose other fields are forbidden. It may be null, too.
    Reference,
    /// Nothing.
    Nothing,
}

pub fn need(root: &str) -> Need {
    let found = ROOTS.iter().find(|(name, _)| *name == root);
    found.unwrap_or_else(|| panic!("the root field {root} has no rule: say in ROOTS who may ask for it")).1
}

pub fn guard(type_name: &str) -> Guard {
    let found = TYPES.iter().find(|(name, _)| *name == type_name);
    found.unwrap_or_else(|| panic!("the type {type_name} has no rule: say in TYPES what guards it")).1
}

fn owner(type_name: &str) -> Option<&'static str> {
    OWNERS.iter().find(|(name, _)| *name == type_name).map(|(_, owner)| *owner)
}

/// What a caller sees of a field of an object that is visible. `graphs` are the subgraphs by name.
pub fn sight(rights: &Rights, graphs: &HashMap<String, Graph>, parent: &str, field: &Field) -> Sight {
    if field.is_key || (is_carrier(parent) && !parent.ends_with("Payload")) {
        return Sight::Value;
    }
    let result = content(graphs, &field.type_name);
    let (home, own) = match owner(parent) {
        // What another subgraph adds to an entity is not guarded by the entity: the field itself must be.
        Some(owner) if !graphs[owner].has_field(parent, &field.name) => {
            let adds = |graph: &Graph| graph.has_field(parent, &field.name);
            let home = graphs.iter().find(|(_, graph)| adds(graph)).expect("some subgraph has the field").0.as_str();
            let guard = result.map_or(Guard::Part, guard);
            assert!(guard != Guard::Part, "{parent}.{} is added by {home} and has no rule", field.name);
            (home, guard)
        }
        Some(owner) => (owner, guard(parent)),
        None if is_carrier(parent) => ("", Guard::Part),
        None => ("", guard(parent)),
    };
    if !rights.reads(own) {
        return Sight::Nothing;
    }
    match result {
        // A reference to another subgraph's entity is a part of the row; what is behind it is not.
        Some(result) if owner(result).is_some_and(|owner| owner != home) && !rights.reads(guard(result)) => {
            Sight::Reference
        }
        Some(result) if owner(result) == Some(home) || owner(result).is_none() => {
            if rights.reads(guard(result)) {
                Sight::Value
            } else {
                Sight::Nothing
            }
        }
        _ => Sight::Value,
    }
}

/// The object type that a field is about: of a connection its nodes'.
fn content<'a>(graphs: &'a HashMap<String, Graph>, type_name: &'a str) -> Option<&'a str> {
    let graph = graphs.values().find(|graph| graph.is_object(type_name))?;
    if let Some(edges) = graph.field(type_name, "nodes") {
        return Some(&edges.type_name);
    }
    // Of an edge its node's; of a payload nothing by itself.
    match graph.field(type_name, "node") {
        Some(node) => Some(&node.type_name),
        None if type_name.ends_with("Payload") => None,
        None => Some(type_name),
    }
}

/// Whether a type only carries others: a connection, an edge, a payload.
pub fn is_carrier(type_name: &str) -> bool {
    ["Connection", "Edge", "Payload"].iter().any(|end| type_name.ends_with(end))
}
