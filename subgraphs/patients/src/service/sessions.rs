//! Sessions: signing in, refreshing, signing out. A refresh token is used once; a later use ends its session.

mod foreign;
mod reauthentication;
mod refresh;

pub(crate) use reauthentication::Reauthenticate;

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{ACCESS_TOKEN_LIFETIME, Claims, RevocationFeed, Subject};
use healthbridge_change::{Change, Changes, Making, new_id};
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use healthbridge_rights::Caller;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Proof, random_token,
    secrets::lock_unchanged,
    throttle::Attempted,
    totp::{TotpKey, takes_code},
};
use crate::{
    NAME,
    domain::Account,
    store::{
        accounts,
        credentials::{self, Credentials},
        sessions::{self, EndReason},
    },
};

/// A session that is not refreshed this long ends.
const IDLE: Duration = Duration::hours(12);

/// The sessions of accounts.
pub(crate) struct Sessions {
    pool: PgPool,
    searches: PgPool,
    changes: Changes,
    proof: Proof,
}

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

impl Sessions {
    pub(super) fn new(pool: PgPool, searches: PgPool, proof: Proof) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, searches, proof }
    }

    /// Signs in. Whatever is wrong, the answer and the time it takes are the same, whether there is such an account or
    /// not. Who guesses waits longer each time.
    pub(crate) async fn sign_in(&self, input: SignIn<'_>, now: DateTime<Utc>) -> Outcome<SignedIn> {
        let email = input.email.trim().to_lowercase();
        let attempted = Attempted::sign_in(&email, input.address);
        self.proof.throttle.attempt(&attempted, "email", now).await?;
        let credentials = credentials::by_email(&self.pool, &email).await?;
        let hash = credentials.as_ref().and_then(|found| found.password_hash.as_deref());
        let is_right = self.proof.passwords.verify(input.password, hash).await?;
        let credentials = credentials.filter(|found| is_right && found.active).ok_or_else(wrong)?;
        let begin = BeginSession { credentials, code: input.totp, key: self.proof.identity.totp.as_ref() };
        let open = self.changes.make(&begin, &Caller::Anonymous, now).await?;
        self.proof.throttle.succeeded(&attempted, now).await;
        Ok(self.tokens(open, now))
    }

    /// Ends the caller's session: its tokens are refused everywhere within five seconds.
    pub(crate) async fn sign_out(&self, caller: &Caller, now: DateTime<Utc>) -> Outcome<()> {
        let session_id = caller.signed_in()?.session_id;
        self.changes.make(&SignOut { session_id }, caller, now).await
    }

    /// A page of what was revoked and would not have expired.
    pub(crate) async fn revocations(&self, after: i64, now: DateTime<Utc>) -> Result<RevocationFeed, sqlx::Error> {
        sessions::revocations(&self.pool, after, now - ACCESS_TOKEN_LIFETIME - Duration::minutes(1)).await
    }

    fn tokens(&self, open: Open, now: DateTime<Utc>) -> SignedIn {
        let Open { account, session_id, refresh_token } = open;
        let subject = Subject {
            user_id: account.id,
            session_id,
            roles: account.roles.clone(),
            extra_scopes: account.beside(self.proof.identity.patients_book),
            patient_id: account.patient_id,
            staff_id: account.staff_id,
            token_version: account.token_version,
        };
        let claims = Claims::issue(&self.proof.identity.issuer, subject, now);
        let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or(now);
        SignedIn { access_token: self.proof.identity.keys.sign(&claims, now), refresh_token, expires_at, account }
    }
}

fn wrong() -> Stop {
    let message = "The email address or the password is wrong, or the account is not active";
    Stop::refuse("email", UserErrorCode::NotAllowed, message)
}

/// A session that goes on, with its next refresh token.
struct Open {
    account: Account,
    session_id: Uuid,
    refresh_token: String,
}

/// The session of somebody whose password is right.
struct BeginSession<'a> {
    credentials: Credentials,
    code: Option<&'a str>,
    key: Option<&'a TotpKey>,
}

impl Change for BeginSession<'_> {
    const NAME: &'static str = "signIn";
    type Made = Open;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Open> {
        let (id, now) = (self.credentials.account_id, making.now);
        if lock_unchanged(making.connection(), &self.credentials).await?.is_none() {
            return Err(wrong());
        }
        if let Some(secret) = &self.credentials.totp_secret {
            let Some(code) = self.code else {
                let message = "The account asks for a one-time password";
                return Err(Stop::refuse("totp", UserErrorCode::Required, message));
            };
            if !takes_code(self.key, making.connection(), id, secret, code, now).await? {
                let message = "The one-time password is wrong, or was used";
                return Err(Stop::refuse("totp", UserErrorCode::NotAllowed, message));
            }
        }
        begin(making.connection(), id, now).await
    }
}

/// Begins a session of an account that is locked, with its first refresh token.
async fn begin(connection: &mut PgConnection, account_id: Uuid, now: DateTime<Utc>) -> Outcome<Open> {
    let account = accounts::signed_in(connection, account_id, now).await?;
    let (session_id, refresh_token) = (new_id(), random_token()?);
    sessions::insert(connection, session_id, account_id, now).await?;
    keep_refresh_token(connection, &refresh_token, session_id, now).await?;
    Ok(Open { account, session_id, refresh_token })
}

/// Keeps an opaque refresh token; the database gets its digest only.
async fn keep_refresh_token(
    connection: &mut PgConnection,
    token: &str,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sessions::insert_refresh_token(connection, &digest(token), session_id, now, now + IDLE).await
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

struct SignOut {
    session_id: Uuid,
}

impl Change for SignOut {
    const NAME: &'static str = "signOut";
    type Made = ();

    async fn make(&self, making: &mut Making<'_>) -> Outcome<()> {
        let (id, now) = (making.user_id(), making.now);
        accounts::lock(making.connection(), id).await?;
        Ok(sessions::end(making.connection(), self.session_id, EndReason::SignedOut, now).await?)
    }
}
