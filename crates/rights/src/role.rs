use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A role of an account. What each may do stands in one table, [`crate::scopes_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
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

impl Role {
    /// Every role, in the order of the table of rights.
    pub const ALL: [Self; 9] = [
        Self::Admin,
        Self::Doctor,
        Self::Radiologist,
        Self::Technologist,
        Self::Nurse,
        Self::Clerk,
        Self::Auditor,
        Self::Patient,
        Self::Service,
    ];

    /// The name in tokens, in the database and in the graph.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Doctor => "DOCTOR",
            Self::Radiologist => "RADIOLOGIST",
            Self::Technologist => "TECHNOLOGIST",
            Self::Nurse => "NURSE",
            Self::Clerk => "CLERK",
            Self::Auditor => "AUDITOR",
            Self::Patient => "PATIENT",
            Self::Service => "SERVICE",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
