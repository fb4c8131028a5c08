use chrono::{DateTime, Utc};
use healthbridge_auth::Role;
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum UserKind {
    /// A patient's.
    Patient,
    /// A member of the staff's.
    Staff,
    /// A machine's.
    Service,
}

/// An account that signs in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Our id.
    pub id: Uuid,
    /// Whose account it is.
    pub kind: UserKind,
    /// Email address, lower case.
    pub email: String,
    /// Roles.
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
    /// Last sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Counts changes, from 1.
    pub version: i32,
}
