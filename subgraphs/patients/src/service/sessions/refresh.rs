use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Stop, UserErrorCode};
use healthbridge_rights::Caller;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Open, Sessions, SignedIn, digest, keep_refresh_token};
use crate::store::{
    accounts,
    sessions::{self, EndReason},
};

/// A session ends after this, however busy it is.
const LONGEST: Duration = Duration::days(7);

/// How long a refresh token that was used gives its successor again: to another tab that refreshed at the same time, or to
/// one whose answer was lost.
const GRACE: Duration = Duration::seconds(20);

impl Sessions {
    /// Gives new tokens for a refresh token. One that was used before gives its successor again for a while, as long as
    /// nobody used that; then it is stolen, or its owner's was: the session ends.
    pub(crate) async fn refresh(&self, refresh_token: &str, now: DateTime<Utc>) -> Outcome<SignedIn> {
        // Whoever has the database alone cannot work them out: it has the digests of tokens, and the keys are elsewhere.
        let successors = self.proof.identity.keys.derive("refresh token", refresh_token.as_bytes(), now);
        let successors = successors.iter().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).collect();
        let refresh = Refresh { digest: digest(refresh_token), successors };
        match self.changes.make(&refresh, &Caller::Anonymous, now).await? {
            Refreshed::Open(open) => Ok(self.tokens(open, now)),
            Refreshed::UsedTwice(session_id) => {
                tracing::warn!(%session_id, "a refresh token was used twice: session {session_id} ends");
                Err(refused())
            }
        }
    }
}

fn refused() -> Stop {
    let message = "The refresh token is invalid, used or expired: sign in again";
    Stop::refuse("refreshToken", UserErrorCode::NotAllowed, message)
}

struct Refresh {
    /// The token's.
    digest: [u8; 32],
    successors: Vec<String>,
}

/// What a refresh came to.
enum Refreshed {
    /// The session goes on.
    Open(Open),
    /// The session has ended, which is kept although the token is refused.
    UsedTwice(Uuid),
}

impl Change for Refresh {
    const NAME: &'static str = "refreshSession";
    type Made = Refreshed;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Refreshed> {
        let now = making.now;
        let owner = sessions::owner_of_refresh_token(making.connection(), &self.digest).await?;
        let account = accounts::lock(making.connection(), owner.ok_or_else(refused)?).await?;
        let token = sessions::refresh_token(making.connection(), &self.digest).await?.ok_or_else(refused)?;
        let session_id = token.session_id;
        let again = match token.used_at {
            Some(used_at) if used_at + GRACE > now => self.unused(making.connection(), session_id).await?,
            _ => None,
        };
        if token.used_at.is_some() && again.is_none() {
            sessions::end(making.connection(), session_id, EndReason::ReusedToken, now).await?;
            return Ok(Refreshed::UsedTwice(session_id));
        }
        let is_over =
            token.session_ended_at.is_some() || token.expires_at <= now || token.session_begun_at + LONGEST <= now;
        let account = account.filter(|account| account.active && !is_over).ok_or_else(refused)?;
        let successor = again.or_else(|| self.successors.first()).ok_or_else(refused)?;
        if again.is_none() {
            sessions::use_refresh_token(making.connection(), &self.digest, now).await?;
            keep_refresh_token(making.connection(), successor, session_id, now).await?;
        }
        Ok(Refreshed::Open(Open { account, session_id, refresh_token: successor.clone() }))
    }
}

impl Refresh {
    /// Which of the successors is there in a session and waits for its first use.
    async fn unused(&self, connection: &mut PgConnection, session_id: Uuid) -> Result<Option<&String>, sqlx::Error> {
        for token in &self.successors {
            let found = sessions::refresh_token(connection, &digest(token)).await?;
            if found.is_some_and(|found| found.session_id == session_id && found.used_at.is_none()) {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }
}
