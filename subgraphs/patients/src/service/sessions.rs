//! Sessions: signing in, refreshing, signing out. A refresh token is used once; a second use ends its session.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{ACCESS_TOKEN_LIFETIME, Caller, Claims, Denied, RevocationFeed, Subject};
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Service, passwords::check_strength, random_token, throttle::Attempted};
use crate::{
    domain::Account,
    store::{Attempt, EndReason, Store},
};

/// A session that is not refreshed this long ends.
const IDLE: Duration = Duration::hours(12);
/// A session ends after this, however busy it is.
const LONGEST: Duration = Duration::days(7);

/// How long an attempt during a wait is left without its answer.
const BLOCKED_ANSWER: std::time::Duration = std::time::Duration::from_millis(200);

/// What a sign-in or a refresh gives.
pub(crate) struct SignedIn {
    pub access_token: String,
    pub refresh_token: String,
    pub expires_at: DateTime<Utc>,
    pub account: Account,
}

/// What somebody signs in with.
pub(crate) struct SignIn<'a> {
    pub email: &'a str,
    pub password: SecretString,
    /// The one-time password, if the account asks for one.
    pub totp: Option<&'a str>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
}

impl Service {
    /// Signs in. Whatever is wrong, the answer and the time it takes are the same, whether there is such an account or
    /// not. Who guesses waits longer each time.
    pub(crate) async fn sign_in(&self, input: SignIn<'_>, now: DateTime<Utc>) -> Result<Outcome<SignedIn>, ApiError> {
        let email = input.email.trim().to_lowercase();
        let refuse = |code, field: &str, message: &str| Ok(Err(vec![UserError::at(field, code, message)]));
        let attempted = Attempted::new(&email, input.address);
        let attempt = self.store.attempt_sign_in(&attempted.counted(), now).await.map_err(ApiError::internal)?;
        if let Attempt::BlockedUntil(until) = attempt {
            // Who asks again at once is answered late: a guesser's many requests then cost nobody else anything.
            tokio::time::sleep(BLOCKED_ANSWER).await;
            let seconds = (until - now).num_seconds().max(0) + 1;
            let message = format!("Too many attempts: try again in {seconds} seconds");
            return refuse(UserErrorCode::NotAllowed, "email", &message);
        }
        let credentials = self.store.credentials(&email).await.map_err(ApiError::internal)?;
        let hash = credentials.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.passwords.verify(input.password, hash).await;
        let wrong = "The email address or the password is wrong, or the account is not active";
        let Some(credentials) = credentials.filter(|found| is_right && found.active) else {
            return refuse(UserErrorCode::NotAllowed, "email", wrong);
        };
        if let Some(secret) = &credentials.totp_secret {
            let Some(code) = input.totp else {
                return refuse(UserErrorCode::Required, "totp", "The account asks for a one-time password");
            };
            if !self.takes_code(credentials.account_id, secret, code, now).await? {
                return refuse(UserErrorCode::NotAllowed, "totp", "The one-time password is wrong, or was used");
            }
        }
        let forgotten = self.store.forget_attempts(&attempted.own(), attempted.shared()).await;
        forgotten.map_err(ApiError::internal)?;
        let account = self.store.signed_in(credentials.account_id, now).await.map_err(ApiError::internal)?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let (session_id, refresh_token) = Self::begin_session(&mut transaction, account.id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(self.tokens(account, session_id, refresh_token, now)))
    }

    /// Begins a session with its first refresh token.
    pub(super) async fn begin_session(
        connection: &mut PgConnection,
        account_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(Uuid, String), ApiError> {
        let session_id = Uuid::now_v7();
        Store::insert_session(connection, session_id, account_id, now).await.map_err(ApiError::internal)?;
        Ok((session_id, new_refresh_token(connection, session_id, now).await?))
    }

    /// Gives new tokens for a refresh token. One that was used before is stolen, or its owner's was: the session ends.
    pub(crate) async fn refresh_session(
        &self,
        refresh_token: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<SignedIn>, ApiError> {
        let refused = || {
            let message = "The refresh token is invalid, used or expired: sign in again";
            Ok(Err(vec![UserError::at("refreshToken", UserErrorCode::NotAllowed, message)]))
        };
        let hash = Sha256::digest(refresh_token.as_bytes());
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = Store::lock_refresh_token(&mut transaction, &hash).await.map_err(ApiError::internal)?;
        let Some(token) = found else { return refused() };
        if token.used_at.is_some() {
            let ended = Store::end_session(&mut transaction, token.session_id, EndReason::ReusedToken, now).await;
            ended.map_err(ApiError::internal)?;
            transaction.commit().await.map_err(ApiError::internal)?;
            tracing::warn!(session_id = %token.session_id, "a refresh token was used twice: session {} ends", token.session_id);
            return refused();
        }
        let is_over =
            token.session_ended_at.is_some() || token.expires_at <= now || token.session_begun_at + LONGEST <= now;
        let account = Store::lock_account(&mut transaction, token.account_id).await.map_err(ApiError::internal)?;
        let Some(account) = account.filter(|account| account.active && !is_over) else { return refused() };
        Store::use_refresh_token(&mut transaction, &hash, now).await.map_err(ApiError::internal)?;
        let next = new_refresh_token(&mut transaction, token.session_id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(self.tokens(account, token.session_id, next, now)))
    }

    /// Ends the caller's session: its tokens are refused everywhere within five seconds.
    pub(crate) async fn sign_out(&self, caller: &Caller, now: DateTime<Utc>) -> Result<(), ApiError> {
        let account = caller.account().ok_or(Denied)?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let ended = Store::end_session(&mut transaction, account.session_id, EndReason::SignedOut, now).await;
        ended.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)
    }

    /// Changes the caller's password. All other sessions end.
    pub(crate) async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: SecretString,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let own = caller.account().ok_or(Denied)?;
        let hash = self.store.password_hash(own.user_id).await.map_err(ApiError::internal)?;
        if !self.passwords.verify(current, hash.as_deref()).await {
            let message = "The current password is wrong";
            return Ok(Err(vec![UserError::at("currentPassword", UserErrorCode::NotAllowed, message)]));
        }
        let accounts = self.store.accounts_by_id(&[own.user_id]).await.map_err(ApiError::internal)?;
        let account = accounts.into_iter().next().ok_or(Denied)?;
        if let Err(refused) = check_strength("newPassword", &new, &account.email) {
            return Ok(Err(vec![refused]));
        }
        let hash = self.passwords.hash(new).await.map_err(ApiError::internal)?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        Store::set_password(&mut transaction, account.id, &hash, now).await.map_err(ApiError::internal)?;
        let (but, reason) = (Some(own.session_id), EndReason::PasswordChanged);
        let ended = Store::end_sessions_of(&mut transaction, account.id, but, reason, now).await;
        ended.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(Account { version: account.version + 1, updated_at: now, ..account }))
    }

    /// A page of what was revoked and would not have expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revocations(&self, after: i64, now: DateTime<Utc>) -> Result<RevocationFeed, sqlx::Error> {
        self.store.revocations(after, now - ACCESS_TOKEN_LIFETIME - Duration::minutes(1)).await
    }

    pub(super) fn tokens(
        &self,
        account: Account,
        session_id: Uuid,
        refresh_token: String,
        now: DateTime<Utc>,
    ) -> SignedIn {
        let subject = Subject {
            user_id: account.id,
            session_id,
            roles: account.roles.clone(),
            extra_scopes: account.scopes.clone(),
            patient_id: account.patient_id,
            staff_id: account.staff_id,
            token_version: account.token_version,
        };
        let claims = Claims::issue(&self.issuer, subject, now);
        let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or(now);
        SignedIn { access_token: self.keys.sign(&claims, now), refresh_token, expires_at, account }
    }
}

/// Makes an opaque refresh token; the database gets its digest only.
async fn new_refresh_token(
    connection: &mut PgConnection,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<String, ApiError> {
    let token = random_token()?;
    let hash = Sha256::digest(token.as_bytes());
    let stored = Store::insert_refresh_token(connection, &hash, session_id, now, now + IDLE).await;
    stored.map_err(ApiError::internal)?;
    Ok(token)
}
