use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use healthbridge_outcome::{Refusals, UserErrorCode, is_visible};
use healthbridge_rights::{PATIENTS_BOOK, Role, granted};
use healthbridge_terms::coded;
use uuid::Uuid;

coded! {
    /// Whom an account is for.
    pub enum UserKind {
        /// For a patient.
        Patient,
        /// For a member of the staff.
        Staff,
        /// For a machine (a service account).
        Service,
    }
}

/// An account that signs in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Our id.
    pub id: Uuid,
    /// Whom an account is for.
    pub kind: UserKind,
    /// Email address, lower case.
    pub email: String,
    /// The roles, which give the account its scopes.
    pub roles: Vec<Role>,
    /// Scopes beside the roles'.
    pub scopes: Vec<String>,
    /// Whether it may sign in.
    pub active: bool,
    /// The linked patient record.
    pub patient_id: Option<Uuid>,
    /// The linked member of the staff.
    pub staff_id: Option<Uuid>,
    /// Tokens with a lower version are revoked.
    pub token_version: i32,
    /// Whether it is asked for a one-time password, too.
    pub totp_enabled: bool,
    /// When the account last signed in; null where it never did.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the account was created.
    pub created_at: DateTime<Utc>,
    /// When the report was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl Account {
    /// The scopes of its tokens.
    pub fn granted(&self, patients_book: bool) -> BTreeSet<String> {
        granted(&self.roles, self.beside(patients_book))
    }

    /// The scopes of its tokens beside the roles': its own, and those of a patient where patients book appointments.
    pub fn beside(&self, patients_book: bool) -> Vec<String> {
        let books = patients_book && self.roles.contains(&Role::Patient);
        let booking = PATIENTS_BOOK.into_iter().filter(|_| books).map(str::to_owned);
        self.scopes.iter().cloned().chain(booking).collect()
    }

    /// An account that is new: it may sign in, and belongs to nobody yet.
    pub fn new(id: Uuid, kind: UserKind, email: String, roles: Vec<Role>, now: DateTime<Utc>) -> Self {
        Self {
            id,
            kind,
            email,
            roles,
            scopes: Vec::new(),
            active: true,
            patient_id: None,
            staff_id: None,
            token_version: 1,
            totp_enabled: false,
            last_login_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// Reads an email address, in lower case.
pub(crate) fn email(refusals: &mut Refusals, text: &str) -> String {
    let email = text.trim().to_lowercase();
    let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    // RFC 5321: at most 254 characters.
    let is_plain = email.len() <= 254 && !email.chars().any(|char| char.is_whitespace() || !is_visible(char));
    if !is_address || !is_plain {
        refusals.add("email", UserErrorCode::InvalidFormat, "This is no email address");
    }
    email
}
