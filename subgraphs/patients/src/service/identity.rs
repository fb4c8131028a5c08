use chrono::{DateTime, Utc};
use healthbridge_auth::{Claims, Role, Subject};
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use secrecy::SecretString;
use uuid::Uuid;

use super::Service;
use crate::domain::{Account, UserKind};

/// What a sign-in gives.
pub(crate) struct SignedIn {
    pub access_token: String,
    pub expires_at: DateTime<Utc>,
    pub account: Account,
}

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
    /// Signs in. Whatever is wrong, the answer and the time it takes are the same.
    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Result<Outcome<SignedIn>, ApiError> {
        let credentials = self.store.credentials(&email.trim().to_lowercase()).await.map_err(ApiError::internal)?;
        let hash = credentials.as_ref().map(|found| found.password_hash.as_str());
        let is_right = self.passwords.verify(password, hash).await;
        let Some(credentials) = credentials.filter(|found| is_right && found.active) else {
            let message = "The email address or the password is wrong, or the account is not active";
            return Ok(Err(vec![UserError::at("email", UserErrorCode::NotAllowed, message)]));
        };
        let account = self.store.signed_in(credentials.account_id, now).await.map_err(ApiError::internal)?;
        let subject = Subject {
            user_id: account.id,
            session_id: Uuid::now_v7(),
            roles: account.roles.clone(),
            extra_scopes: account.scopes.clone(),
            patient_id: account.patient_id,
            staff_id: account.staff_id,
        };
        let claims = Claims::issue(&self.issuer, subject, now);
        let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or(now);
        Ok(Ok(SignedIn { access_token: self.key.sign(&claims), expires_at, account }))
    }

    /// Makes an account, for the command line.
    ///
    /// # Errors
    /// A refusal as data where the address is no address or is taken.
    pub async fn create_account(&self, new: NewAccount, now: DateTime<Utc>) -> Result<Outcome<Uuid>, ApiError> {
        let email = new.email.trim().to_lowercase();
        let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if !is_address || email.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Ok(Err(vec![UserError::at("email", UserErrorCode::InvalidFormat, "This is no email address")]));
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
            last_login_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let inserted = self.store.insert_account(&account, &password_hash).await.map_err(ApiError::internal)?;
        let taken =
            || vec![UserError::at("email", UserErrorCode::AlreadyExists, "An account with this address exists")];
        Ok(if inserted { Ok(account.id) } else { Err(taken()) })
    }
}
