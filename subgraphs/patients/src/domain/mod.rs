//! What patients, staff and accounts are. No IO.

mod account;
mod mrn;
mod patient;
mod staff;

pub use account::{Account, UserKind};
pub use mrn::{InvalidMrn, Mrn};
pub use patient::{
    Address, AdministrativeGender, Condition, ContactPoint, ContactSystem, HumanName, Identifier, IdentifierUse,
    NameUse, Patient,
};
pub use staff::{Staff, StaffProfession};
