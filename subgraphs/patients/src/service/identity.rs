use chrono::{DateTime, Utc};
use healthbridge_auth::Role;
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use secrecy::SecretString;
use uuid::Uuid;

use super::{Service, passwords::check_strength};
use crate::domain::{Account, UserKind};

/// An account to be made.
pub struct NewAccount {
    /// Whose it is.
    pub kind: UserKind,
    /// Email address.
    pub email: String,
    /// Password.
    pub password: SecretString,
    /// Roles.
    pub roles: Vec<Role>,
}

impl Service {
    /// Makes an account.
    ///
    /// # Errors
    /// A refusal as data where the address is no address or is taken.
    pub async fn create_account(&self, new: NewAccount, now: DateTime<Utc>) -> Result<Outcome<Account>, ApiError> {
        let email = new.email.trim().to_lowercase();
        let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if !is_address || email.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Ok(Err(vec![UserError::at("email", UserErrorCode::InvalidFormat, "This is no email address")]));
        }
        if let Err(refused) = check_strength("password", &new.password, &email) {
            return Ok(Err(vec![refused]));
        }
        let password_hash = self.passwords.hash(new.password).await.map_err(ApiError::internal)?;
        let account = Account {
            id: Uuid::now_v7(),
            kind: new.kind,
            email,
            roles: new.roles,
            scopes: Vec::new(),
            active: true,
            patient_id: None,
            staff_id: None,
            token_version: 1,
            last_login_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let inserted = self.store.insert_account(&account, &password_hash).await.map_err(ApiError::internal)?;
        let taken =
            || vec![UserError::at("email", UserErrorCode::AlreadyExists, "An account with this address exists")];
        Ok(if inserted { Ok(account) } else { Err(taken()) })
    }
}
