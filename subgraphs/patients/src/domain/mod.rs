//! What patients, staff and accounts are. No IO.

pub(crate) mod account;
pub(crate) mod attempt;
pub(crate) mod matching;
mod mrn;
pub(crate) mod password;
mod patient;
pub(crate) mod patient_input;
mod staff;
mod version;

pub use account::{Account, UserKind};
pub use matching::{MatchGrade, PatientMatch};
pub use mrn::{InvalidMrn, Mrn};
pub use patient::Patient;
pub use staff::{Staff, StaffProfession};
pub(crate) use version::ChangedFields;
pub use version::RecordVersion;
