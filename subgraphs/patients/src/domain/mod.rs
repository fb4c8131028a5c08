//! What patients, staff and accounts are. No IO.

mod account;
mod folded;
pub(crate) mod matching;
mod mrn;
mod patient;
mod staff;
mod version;

pub use account::{Account, UserKind};
pub use folded::folded;
pub use matching::{MatchGrade, PatientMatch};
pub use mrn::{InvalidMrn, Mrn};
pub use patient::{
    Address, AdministrativeGender, Condition, ContactPoint, ContactSystem, HumanName, Identifier, IdentifierUse,
    NameUse, Patient,
};
pub use staff::{Staff, StaffProfession};
pub(crate) use version::Changes;
pub use version::RecordVersion;
