use chrono::{DateTime, Utc};
use healthbridge_auth::{Revocation, RevocationFeed, Revocations};
use healthbridge_terms::{Coded, coded};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

coded! {
    /// Why a session ended.
    pub(crate) enum EndReason {
        /// Its owner ended it.
        SignedOut,
        /// The account was deactivated.
        Deactivated,
        /// A refresh token was used twice.
        ReusedToken,
        /// The password was changed.
        PasswordChanged,
        /// The password was set by a one-time token.
        PasswordReset,
    }
}

/// A refresh token with its session.
pub(crate) struct RefreshToken {
    pub session_id: Uuid,
    pub used_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub session_begun_at: DateTime<Utc>,
    pub session_ended_at: Option<DateTime<Utc>>,
}

/// A session that has not ended.
pub(crate) struct OpenSession {
    created_at: DateTime<Utc>,
    totp_confirmed_at: Option<DateTime<Utc>>,
}

impl OpenSession {
    /// Whether its account asked for one-time passwords when it began.
    pub(crate) fn began_with_code(&self) -> bool {
        self.totp_confirmed_at.is_some_and(|confirmed| confirmed <= self.created_at)
    }
}

/// Whoever revokes waits for the others who do, so that the feed's order is the order of commits: a reader that has seen
/// a number will never be shown a lower one.
const REVOCATION_LOCK: i64 = 0x4842_5245_564F;

/// Begins a session.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: Uuid,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.session (id, account_id, created_at, last_used_at) VALUES ($1, $2, $3, $3)",
        id,
        account_id,
        now,
    );
    inserted.execute(connection).await.map(drop)
}

/// Adds a refresh token to a session.
pub(crate) async fn insert_refresh_token(
    connection: &mut PgConnection,
    hash: &[u8],
    session_id: Uuid,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.refresh_token (hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
        hash,
        session_id,
        now,
        expires_at,
    );
    inserted.execute(&mut *connection).await?;
    let used = sqlx::query!("UPDATE patients.session SET last_used_at = $2 WHERE id = $1", session_id, now);
    used.execute(connection).await.map(drop)
}

/// Whose session the refresh token with this hash belongs to.
pub(crate) async fn owner_of_refresh_token(
    connection: &mut PgConnection,
    hash: &[u8],
) -> Result<Option<Uuid>, sqlx::Error> {
    let owner = sqlx::query_scalar!(
        "SELECT session.account_id
         FROM patients.refresh_token AS token JOIN patients.session AS session ON session.id = token.session_id
         WHERE token.hash = $1",
        hash,
    );
    owner.fetch_optional(connection).await
}

/// The refresh token with this hash; its owner's account is locked.
pub(crate) async fn refresh_token(
    connection: &mut PgConnection,
    hash: &[u8],
) -> Result<Option<RefreshToken>, sqlx::Error> {
    let row = sqlx::query_as!(
        RefreshToken,
        "SELECT token.session_id, token.used_at, token.expires_at,
                session.created_at AS session_begun_at, session.ended_at AS session_ended_at
         FROM patients.refresh_token AS token JOIN patients.session AS session ON session.id = token.session_id
         WHERE token.hash = $1",
        hash,
    );
    row.fetch_optional(connection).await
}

/// Notes that a refresh token was used.
pub(crate) async fn use_refresh_token(
    connection: &mut PgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let used = sqlx::query!("UPDATE patients.refresh_token SET used_at = $2 WHERE hash = $1", hash, now);
    used.execute(connection).await.map(drop)
}

/// An account's session, unless it has ended.
pub(crate) async fn open(
    db: impl PgExecutor<'_>,
    id: Uuid,
    account_id: Uuid,
) -> Result<Option<OpenSession>, sqlx::Error> {
    let row = sqlx::query_as!(
        OpenSession,
        "SELECT session.created_at, account.totp_confirmed_at
         FROM patients.session AS session JOIN patients.account AS account ON account.id = session.account_id
         WHERE session.id = $1 AND session.account_id = $2 AND session.ended_at IS NULL",
        id,
        account_id,
    );
    row.fetch_optional(db).await
}

/// Ends a session and revokes its tokens.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ended = sqlx::query!(
        "UPDATE patients.session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
        id,
        now,
        reason.text(),
    );
    if ended.execute(&mut *connection).await?.rows_affected() == 1 {
        revoke(connection, Revocations::subject(id), None, now).await?;
    }
    Ok(())
}

/// Ends an account's sessions but one, and revokes their tokens.
pub(crate) async fn end_all(
    connection: &mut PgConnection,
    account_id: Uuid,
    but: Option<Uuid>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ended = sqlx::query_scalar!(
        "UPDATE patients.session SET ended_at = $3, end_reason = $4
         WHERE account_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR id <> $2) RETURNING id",
        account_id,
        but,
        now,
        reason.text(),
    );
    for id in ended.fetch_all(&mut *connection).await? {
        revoke(connection, Revocations::subject(id), None, now).await?;
    }
    Ok(())
}

/// Revokes all tokens of an account below a version.
pub(crate) async fn revoke_account(
    connection: &mut PgConnection,
    account_id: Uuid,
    min_token_version: i32,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    revoke(connection, Revocations::subject(account_id), Some(min_token_version), now).await
}

async fn revoke(
    connection: &mut PgConnection,
    subject: [u8; 32],
    min_token_version: Option<i32>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let locked = sqlx::query!("SELECT pg_advisory_xact_lock($1)", REVOCATION_LOCK);
    locked.execute(&mut *connection).await?;
    let inserted = sqlx::query!(
        "INSERT INTO patients.revocation (subject, min_token_version, revoked_at) VALUES ($1, $2, $3)",
        subject.as_slice(),
        min_token_version,
        now,
    );
    inserted.execute(connection).await.map(drop)
}

/// A page of the feed; what every token has outlived is left out.
pub(crate) async fn revocations(
    db: impl PgExecutor<'_>,
    after: i64,
    since: DateTime<Utc>,
) -> Result<RevocationFeed, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT seq, subject, min_token_version FROM patients.revocation
         WHERE seq > $1 AND revoked_at > $2 ORDER BY seq LIMIT 10000",
        after,
        since,
    );
    let rows = rows.fetch_all(db).await?;
    let revocation =
        |subject: &[u8], min_token_version| Revocation { subject: hex::encode(subject), min_token_version };
    Ok(RevocationFeed {
        cursor: rows.last().map_or(after, |row| row.seq),
        revocations: rows.iter().map(|row| revocation(&row.subject, row.min_token_version)).collect(),
    })
}
