//! Accounts that an administrator makes, and passwords that are set by a one-time token.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right, Role};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Service, identity::check_email, random_token};
use crate::{
    NAME,
    domain::{Account, UserKind},
    store::{EndReason, OneTimeToken, Store},
};

/// How long a one-time token can be used.
const LIFETIME: Duration = Duration::hours(24);

/// An account to be made for somebody else.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateUser {
    pub email: String,
    pub kind: &'static str,
    pub roles: Vec<Role>,
    pub scopes: Vec<String>,
}

/// An account with the token that lets its owner set a password.
pub(crate) struct Invited {
    pub account: Account,
    /// Shown once: a mutation that is sent again does not have it any more.
    pub token: Option<(String, DateTime<Utc>)>,
}

impl Service {
    /// Makes an account for somebody else, who sets its password by the token.
    pub(crate) async fn create_user(
        &self,
        caller: &Caller,
        input: CreateUser,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Invited>, ApiError> {
        let own = caller.require(Resource::User, Right::Create)?;
        let now = now.trunc_subsecs(6);
        let id = Uuid::now_v7();
        let key = key.map(|key| idempotency::Key { key, caller: own.user_id, operation: "createUser" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => return Ok(Ok(Invited { account: self.own_account(id).await?, token: None })),
        };
        let kind: UserKind = input.kind.parse().map_err(ApiError::internal)?;
        let mut refusals = Refusals::default();
        let email = check_email(&mut refusals, &input.email);
        check_roles(&mut refusals, kind, &input);
        let is_powerful = kind == UserKind::Service || input.roles.contains(&Role::Admin);
        if is_powerful && !caller.holds("policy:admin") {
            // A machine that makes accounts must not make itself an administrator.
            refusals.add("roles", UserErrorCode::NotAllowed, "Only an administrator makes administrators and machines");
        }
        let account = Account {
            id,
            kind,
            email,
            roles: input.roles.clone(),
            scopes: input.scopes.clone(),
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
        let account = match refusals.or(account) {
            Ok(account) => account,
            Err(refused) => return Ok(Err(refused)),
        };
        if !Store::insert_account(&mut transaction, &account, None).await.map_err(ApiError::internal)? {
            let message = "An account with this address exists";
            return Ok(Err(vec![UserError::at("email", UserErrorCode::AlreadyExists, message)]));
        }
        let token = issue(&mut transaction, account.id, false, own.user_id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(Invited { account, token: Some(token) }))
    }

    /// Gives a token by which an account's owner sets a new password, and for whom one-time passwords are no longer asked
    /// for, if that is wanted. Until it is used everything stays as it is.
    pub(crate) async fn reset_password(
        &self,
        caller: &Caller,
        user_id: Option<Uuid>,
        clears_totp: bool,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Invited>, ApiError> {
        let own = caller.require(Resource::User, Right::Update)?;
        let refuse = |code, message: &str| Ok(Err(vec![UserError::at("userId", code, message)]));
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = match user_id {
            Some(id) => Store::lock_account(&mut transaction, id).await.map_err(ApiError::internal)?,
            None => None,
        };
        let Some(account) = found else {
            return refuse(UserErrorCode::NotFound, "There is no such account");
        };
        if account.id == own.user_id {
            return refuse(UserErrorCode::NotAllowed, "The own password is changed by `changePassword`");
        }
        let token = issue(&mut transaction, account.id, clears_totp, own.user_id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        tracing::info!(account_id = %account.id, issued_by = %own.user_id, "a one-time token was issued for {}", account.id);
        Ok(Ok(Invited { account, token: Some(token) }))
    }

    /// Sets a password by a one-time token, and ends all sessions of the account.
    pub(crate) async fn complete_reset(
        &self,
        token: &str,
        new: SecretString,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let refused = || {
            let message = "The token is invalid, used or expired: ask for a new one";
            Ok(Err(vec![UserError::at("token", UserErrorCode::NotAllowed, message)]))
        };
        let digest = Sha256::digest(token.as_bytes());
        let found = self.store.one_time_token(&digest).await.map_err(ApiError::internal)?;
        let Some(found) = found.filter(|found| found.expires_at > now) else { return refused() };
        let account = self.own_account(found.account_id).await?;
        let hash = match self.passwords.hash_chosen("newPassword", new, &account.email).await? {
            Ok(hash) => hash,
            Err(weak) => return Ok(Err(weak)),
        };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        Store::lock_account(&mut transaction, account.id).await.map_err(ApiError::internal)?;
        if !Store::use_one_time_token(&mut transaction, &digest).await.map_err(ApiError::internal)? {
            return refused();
        }
        Store::set_password(&mut transaction, account.id, &hash, now).await.map_err(ApiError::internal)?;
        if found.clears_totp {
            Store::clear_totp(&mut transaction, account.id).await.map_err(ApiError::internal)?;
        }
        let ended = Store::end_sessions_of(&mut transaction, account.id, None, EndReason::PasswordReset, now).await;
        ended.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        self.own_account(account.id).await.map(Ok)
    }
}

/// A SERVICE account has scopes of its own and no role but SERVICE; everybody else has roles and no scopes.
fn check_roles(refusals: &mut Refusals, kind: UserKind, input: &CreateUser) {
    let is_service = kind == UserKind::Service;
    let wanted = match kind {
        UserKind::Service => input.roles == [Role::Service],
        UserKind::Patient => input.roles == [Role::Patient],
        UserKind::Staff => {
            !input.roles.is_empty() && !input.roles.iter().any(|role| matches!(role, Role::Service | Role::Patient))
        }
    };
    if !wanted {
        let message =
            "A SERVICE account has the role SERVICE, a PATIENT's PATIENT, one of the staff at least one other";
        refusals.add("roles", UserErrorCode::NotAllowed, message);
    }
    if is_service == input.scopes.is_empty() {
        let message = "A SERVICE account needs the scopes that it may use, and no other account has any of its own";
        refusals.add("scopes", UserErrorCode::NotAllowed, message);
    }
    for (place, scope) in input.scopes.iter().enumerate() {
        if !healthbridge_auth::is_system_scope(scope) {
            let message = "This is no scope of a machine, such as system/Patient.r";
            refusals.add(&format!("scopes.{place}"), UserErrorCode::InvalidFormat, message);
        }
    }
}

async fn issue(
    connection: &mut PgConnection,
    account_id: Uuid,
    clears_totp: bool,
    issued_by: Uuid,
    now: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), ApiError> {
    let text = random_token()?;
    let token = OneTimeToken { account_id, clears_totp, expires_at: (now + LIFETIME).trunc_subsecs(6) };
    let hash = Sha256::digest(text.as_bytes());
    Store::insert_one_time_token(connection, &token, &hash, issued_by, now).await.map_err(ApiError::internal)?;
    Ok((text, token.expires_at))
}
