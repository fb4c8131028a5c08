//! Sessions: signing in, refreshing, signing out. A refresh token is used once; a later use ends its session.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{ACCESS_TOKEN_LIFETIME, Caller, Claims, Denied, RevocationFeed, Subject};
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Service, random_token, throttle::Attempted, totp::takes_code};
use crate::{
    domain::Account,
    store::{Credentials, EndReason, Store},
};

/// A session that is not refreshed this long ends.
const IDLE: Duration = Duration::hours(12);
/// A session ends after this, however busy it is.
const LONGEST: Duration = Duration::days(7);

/// How long a refresh token that was used gives its successor again: to another tab that refreshed at the same time, or to
/// one whose answer was lost.
const GRACE: Duration = Duration::seconds(20);

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
        let attempted = Attempted::sign_in(&email, input.address);
        if let Err(message) = self.attempt(&attempted, now).await? {
            return refuse(UserErrorCode::NotAllowed, "email", &message);
        }
        let credentials = self.store.credentials_by_email(&email).await.map_err(ApiError::internal)?;
        let hash = credentials.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.passwords.verify(input.password, hash).await?;
        let wrong = "The email address or the password is wrong, or the account is not active";
        let Some(credentials) = credentials.filter(|found| is_right && found.active) else {
            return refuse(UserErrorCode::NotAllowed, "email", wrong);
        };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        if lock_unchanged(&mut transaction, &credentials).await?.is_none() {
            return refuse(UserErrorCode::NotAllowed, "email", wrong);
        }
        if let Some(secret) = &credentials.totp_secret {
            let Some(code) = input.totp else {
                return refuse(UserErrorCode::Required, "totp", "The account asks for a one-time password");
            };
            let key = self.totp.as_ref();
            if !takes_code(key, &mut transaction, credentials.account_id, secret, code, now).await? {
                return refuse(UserErrorCode::NotAllowed, "totp", "The one-time password is wrong, or was used");
            }
        }
        let account = Store::signed_in(&mut transaction, credentials.account_id, now).await;
        let account = account.map_err(ApiError::internal)?;
        let (session_id, refresh_token) = begin_session(&mut transaction, account.id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        self.succeeded(&attempted, now).await;
        Ok(Ok(self.tokens(account, session_id, refresh_token, now)))
    }

    /// Gives new tokens for a refresh token. One that was used before gives its successor again for a while, as long as
    /// nobody used that; then it is stolen, or its owner's was: the session ends.
    pub(crate) async fn refresh_session(
        &self,
        refresh_token: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<SignedIn>, ApiError> {
        let refused = || {
            let message = "The refresh token is invalid, used or expired: sign in again";
            Ok(Err(vec![UserError::at("refreshToken", UserErrorCode::NotAllowed, message)]))
        };
        let hash = digest(refresh_token);
        // Whoever has the database alone cannot work them out: it has the digests of tokens, and the keys are elsewhere.
        let successors = self.keys.derive("refresh token", refresh_token.as_bytes(), now);
        let successors: Vec<String> = successors.iter().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).collect();
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let owner = Store::owner_of_refresh_token(&mut transaction, &hash).await.map_err(ApiError::internal)?;
        let Some(owner) = owner else { return refused() };
        let account = Store::lock_account(&mut transaction, owner).await.map_err(ApiError::internal)?;
        let token = Store::refresh_token(&mut transaction, &hash).await.map_err(ApiError::internal)?;
        let Some(token) = token else { return refused() };
        let again = match token.used_at {
            Some(used_at) if used_at + GRACE > now => unused(&mut transaction, &successors, token.session_id).await?,
            _ => None,
        };
        if token.used_at.is_some() && again.is_none() {
            let ended = Store::end_session(&mut transaction, token.session_id, EndReason::ReusedToken, now).await;
            ended.map_err(ApiError::internal)?;
            transaction.commit().await.map_err(ApiError::internal)?;
            tracing::warn!(session_id = %token.session_id, "a refresh token was used twice: session {} ends", token.session_id);
            return refused();
        }
        let is_over =
            token.session_ended_at.is_some() || token.expires_at <= now || token.session_begun_at + LONGEST <= now;
        let Some(account) = account.filter(|account| account.active && !is_over) else { return refused() };
        let next = match (again, successors.into_iter().next()) {
            (Some(successor), _) => successor,
            (None, Some(successor)) => {
                Store::use_refresh_token(&mut transaction, &hash, now).await.map_err(ApiError::internal)?;
                keep_refresh_token(&mut transaction, &successor, token.session_id, now).await?;
                successor
            }
            (None, None) => return refused(),
        };
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(self.tokens(account, token.session_id, next, now)))
    }

    /// Ends the caller's session: its tokens are refused everywhere within five seconds.
    pub(crate) async fn sign_out(&self, caller: &Caller, now: DateTime<Utc>) -> Result<(), ApiError> {
        let account = caller.account().ok_or(Denied)?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        Store::lock_account(&mut transaction, account.user_id).await.map_err(ApiError::internal)?;
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
        let refuse =
            |message: &str| Ok(Err(vec![UserError::at("currentPassword", UserErrorCode::NotAllowed, message)]));
        let credentials = match self.prove(own.user_id, current, now).await? {
            Ok(credentials) => credentials,
            Err(message) => return refuse(&message),
        };
        let hash = match self.passwords.hash_chosen("newPassword", new, &credentials.email).await? {
            Ok(hash) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let Some(account) = lock_unchanged(&mut transaction, &credentials).await? else {
            return refuse(WRONG_PASSWORD);
        };
        Store::set_password(&mut transaction, account.id, &hash, now).await.map_err(ApiError::internal)?;
        let (but, reason) = (Some(own.session_id), EndReason::PasswordChanged);
        let ended = Store::end_sessions_of(&mut transaction, account.id, but, reason, now).await;
        ended.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(Account { version: account.version + 1, updated_at: now, ..account }))
    }

    /// Verifies the password of an account whose owner is signed in; gives why not. Who guesses waits as at a sign-in.
    pub(super) async fn prove(
        &self,
        account: Uuid,
        password: SecretString,
        now: DateTime<Utc>,
    ) -> Result<Result<Credentials, String>, ApiError> {
        let attempted = Attempted::own_secret("password", account);
        if let Err(message) = self.attempt(&attempted, now).await? {
            return Ok(Err(message));
        }
        let credentials = Store::credentials(self.store.pool(), account).await.map_err(ApiError::internal)?;
        let hash = credentials.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.passwords.verify(password, hash).await?;
        match credentials.filter(|found| is_right && found.active) {
            Some(credentials) => {
                self.succeeded(&attempted, now).await;
                Ok(Ok(credentials))
            }
            None => Ok(Err(WRONG_PASSWORD.to_owned())),
        }
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

const WRONG_PASSWORD: &str = "The current password is wrong";

/// Locks an active account whose credentials are still what was checked: hashing a password takes its time, and meanwhile
/// the account may have been deactivated, or its password reset.
pub(super) async fn lock_unchanged(
    connection: &mut PgConnection,
    checked: &Credentials,
) -> Result<Option<Account>, ApiError> {
    let account = Store::lock_account(connection, checked.account_id).await.map_err(ApiError::internal)?;
    let present = Store::credentials(connection, checked.account_id).await.map_err(ApiError::internal)?;
    Ok(account.filter(|account| account.active && present.as_ref() == Some(checked)))
}

/// Begins a session of an account that is locked, with its first refresh token.
pub(super) async fn begin_session(
    connection: &mut PgConnection,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(Uuid, String), ApiError> {
    let (session_id, token) = (Uuid::now_v7(), random_token()?);
    Store::insert_session(connection, session_id, account_id, now).await.map_err(ApiError::internal)?;
    keep_refresh_token(connection, &token, session_id, now).await?;
    Ok((session_id, token))
}

/// Keeps an opaque refresh token; the database gets its digest only.
async fn keep_refresh_token(
    connection: &mut PgConnection,
    token: &str,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let stored = Store::insert_refresh_token(connection, &digest(token), session_id, now, now + IDLE).await;
    stored.map_err(ApiError::internal)
}

/// Which of these tokens is there in a session and waits for its first use.
async fn unused(
    connection: &mut PgConnection,
    tokens: &[String],
    session_id: Uuid,
) -> Result<Option<String>, ApiError> {
    for token in tokens {
        let found = Store::refresh_token(connection, &digest(token)).await.map_err(ApiError::internal)?;
        if found.is_some_and(|found| found.session_id == session_id && found.used_at.is_none()) {
            return Ok(Some(token.clone()));
        }
    }
    Ok(None)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
