use std::net::IpAddr;

use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::Role;
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode, is_visible};
use healthbridge_postgres::idempotency::{self, Begin};
use secrecy::SecretString;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Service, throttle::Attempted};
use crate::{
    NAME,
    domain::{Account, UserKind},
    store::Store,
};

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
    /// Makes an account for the anonymous who comes from this address, and not too often; sent again with its key, it gives
    /// the first one's.
    pub(crate) async fn register(
        &self,
        new: NewAccount,
        address: Option<IpAddr>,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        self.make_account(new, Some(&Attempted::registration(address)), key, now).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// A refusal as data where the address is no address or is taken.
    pub async fn create_account(&self, new: NewAccount, now: DateTime<Utc>) -> Result<Outcome<Account>, ApiError> {
        self.make_account(new, None, None, now).await
    }

    async fn make_account(
        &self,
        new: NewAccount,
        attempted: Option<&Attempted>,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let now = now.trunc_subsecs(6);
        let mut refusals = Refusals::default();
        let email = check_email(&mut refusals, &new.email);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        // The password is no part of what the key stands for: a digest of it must not be kept.
        let (id, input) = (Uuid::now_v7(), (&email, <&str>::from(new.kind)));
        let key = key.map(|key| idempotency::Key { key, caller: Uuid::nil(), operation: "registerUser" });
        // A replay counts as no attempt, and no password is hashed for it, which would be too long for a transaction.
        let earlier = idempotency::earlier(self.store.pool(), NAME, key.as_ref(), &input).await;
        if let Some(earlier) = earlier.map_err(ApiError::internal)?
            && let Err(answer) = self.begun(earlier).await?
        {
            return Ok(answer);
        }
        if let Some(attempted) = attempted
            && let Err(message) = self.attempt(attempted, now).await?
        {
            return Ok(Err(vec![UserError::at("email", UserErrorCode::NotAllowed, &message)]));
        }
        let password_hash = match self.passwords.hash_chosen("password", new.password, &email).await? {
            Ok(hash) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match self.begun(begun.map_err(ApiError::internal)?).await? {
            Ok(transaction) => transaction,
            Err(answer) => return Ok(answer),
        };
        let account = Account {
            id,
            kind: new.kind,
            email,
            roles: new.roles,
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
        };
        if !Store::insert_account(&mut transaction, &account, Some(&password_hash)).await.map_err(ApiError::internal)? {
            let message = "An account with this address exists";
            return Ok(Err(vec![UserError::at("email", UserErrorCode::AlreadyExists, message)]));
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(account))
    }

    /// The transaction for an account, or the answer where its key was used before.
    async fn begun(&self, begun: Begin) -> Result<Result<Transaction<'static, Postgres>, Outcome<Account>>, ApiError> {
        Ok(match begun {
            Begin::New(transaction) => Ok(transaction),
            Begin::Reused => Err(Err(vec![UserError::key_reused()])),
            Begin::InProgress => Err(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => Err(Ok(self.own_account(id).await?)),
        })
    }
}

/// Reads an email address, in lower case.
pub(super) fn check_email(refusals: &mut Refusals, text: &str) -> String {
    let email = text.trim().to_lowercase();
    let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    // RFC 5321: at most 254 characters.
    let is_plain = email.len() <= 254 && !email.chars().any(|char| char.is_whitespace() || !is_visible(char));
    if !is_address || !is_plain {
        refusals.add("email", UserErrorCode::InvalidFormat, "This is no email address");
    }
    email
}
