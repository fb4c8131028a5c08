use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{Resource, Right, Role};

/// Whoever sent the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No token was sent.
    Anonymous,
    /// A valid access token was sent.
    Account(Account),
}

/// The account behind a valid access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's id, the token's `sub`.
    pub user_id: Uuid,
    /// The session, the token's `sid`.
    pub session_id: Uuid,
    /// The account's roles when the token was made.
    pub roles: Vec<Role>,
    /// The granted scopes.
    pub scopes: BTreeSet<String>,
    /// For a PATIENT account: the record that it is linked to.
    pub patient_id: Option<Uuid>,
    /// The member of the medical staff that the account belongs to.
    pub staff_id: Option<Uuid>,
}

/// Which patients' rows the caller reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Rows of every patient.
    Everyone,
    /// Rows of this patient only.
    Own(Uuid),
    /// No row at all.
    Nobody,
}

impl Reach {
    /// Whether a row of this patient is within reach.
    pub fn covers(self, patient_id: Uuid) -> bool {
        match self {
            Self::Everyone => true,
            Self::Own(own) => own == patient_id,
            Self::Nobody => false,
        }
    }

    /// The patient to whom a statement must be confined, for `($n::uuid IS NULL OR patient_id = $n)`.
    /// `None` outside means that no statement need run at all.
    pub fn confine(self) -> Option<Option<Uuid>> {
        match self {
            Self::Everyone => Some(None),
            Self::Own(own) => Some(Some(own)),
            Self::Nobody => None,
        }
    }
}

/// The caller lacks the scopes for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody knows who it is.
    #[error("the caller is anonymous")]
    Unauthenticated,
    /// Its roles do not give the right.
    #[error("the caller lacks the scopes")]
    Forbidden,
}

impl Caller {
    /// The account, if the caller is not anonymous.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Anonymous => None,
            Self::Account(account) => Some(account),
        }
    }

    /// The account of whoever is signed in.
    ///
    /// # Errors
    /// The anonymous have none.
    pub fn signed_in(&self) -> Result<&Account, Denied> {
        self.account().ok_or(Denied::Unauthenticated)
    }

    /// Why this caller is refused what its scopes do not cover.
    pub fn denied(&self) -> Denied {
        if self.account().is_some() { Denied::Forbidden } else { Denied::Unauthenticated }
    }

    /// The account's id; nobody's for the anonymous.
    pub fn user_id(&self) -> Uuid {
        self.account().map(|account| account.user_id).unwrap_or_default()
    }

    /// Whether the caller holds this very scope.
    pub fn holds(&self, scope: &str) -> bool {
        self.account().is_some_and(|account| account.scopes.contains(scope))
    }

    /// Whether the caller holds every scope of at least one alternative, as `@requiresScopes` reads.
    pub fn satisfies(&self, alternatives: &[Vec<String>]) -> bool {
        alternatives.iter().any(|all| all.iter().all(|scope| self.holds(scope)))
    }

    /// Which patients' rows of a resource the caller reaches with a right.
    pub fn reach(&self, resource: Resource, right: Right) -> Reach {
        let scope = |context: &str| format!("{context}/{resource}.{}", right.letter());
        if self.holds(&scope("user")) || self.holds(&scope("system")) {
            return Reach::Everyone;
        }
        match self.account().and_then(|account| account.patient_id) {
            Some(own) if self.holds(&scope("patient")) => Reach::Own(own),
            _ => Reach::Nobody,
        }
    }

    /// The account, if it holds `user/` or `system/` scope for this right.
    pub fn require(&self, resource: Resource, right: Right) -> Result<&Account, Denied> {
        match self.reach(resource, right) {
            Reach::Everyone => self.signed_in(),
            Reach::Own(_) | Reach::Nobody => Err(self.denied()),
        }
    }
}
