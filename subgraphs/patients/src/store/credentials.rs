//! What proves who somebody is: passwords, one-time passwords, one-time tokens, another issuer's word.

use chrono::{DateTime, Utc};
use healthbridge_postgres::sought;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// What somebody is checked against who says whose account it is. Whoever has checked it compares it again below the
/// account's lock: it may have changed while the password was hashed.
#[derive(PartialEq, Eq)]
pub(crate) struct Credentials {
    pub account_id: Uuid,
    pub email: String,
    pub active: bool,
    pub password_hash: Option<String>,
    /// Encrypted; only one that is confirmed.
    pub totp_secret: Option<Vec<u8>>,
}

/// A secret of one-time passwords, encrypted.
pub(crate) struct StoredTotp {
    pub secret: Option<Vec<u8>>,
    pub is_confirmed: bool,
}

/// A token that lets an account's owner set a password.
pub(crate) struct OneTimeToken {
    pub account_id: Uuid,
    pub clears_totp: bool,
    pub expires_at: DateTime<Utc>,
}

/// An account that another issuer vouches for.
pub(crate) struct ForeignLink {
    pub account_id: Uuid,
    /// Whether the account was made by that issuer's word: then its roles follow it.
    pub provisioned: bool,
}

/// The credentials of the account with this address, in lower case.
pub(crate) async fn by_email(db: impl PgExecutor<'_>, email: &str) -> Result<Option<Credentials>, sqlx::Error> {
    let row = sqlx::query_as!(
        Credentials,
        "SELECT id AS account_id, email, active, password_hash,
                CASE WHEN totp_confirmed_at IS NOT NULL THEN totp_secret END AS totp_secret
         FROM patients.account WHERE email = $1",
        sought(email),
    );
    row.fetch_optional(db).await
}

/// The credentials of an account.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Credentials>, sqlx::Error> {
    let row = sqlx::query_as!(
        Credentials,
        "SELECT id AS account_id, email, active, password_hash,
                CASE WHEN totp_confirmed_at IS NOT NULL THEN totp_secret END AS totp_secret
         FROM patients.account WHERE id = $1",
        id,
    );
    row.fetch_optional(db).await
}

/// Changes an account's password.
pub(crate) async fn set_password(
    connection: &mut PgConnection,
    id: Uuid,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE patients.account SET password_hash = $2, updated_at = $3, version = version + 1 WHERE id = $1",
        id,
        hash,
        now,
    );
    updated.execute(connection).await.map(drop)
}

/// The secret of an account's one-time passwords.
pub(crate) async fn totp(connection: &mut PgConnection, id: Uuid) -> Result<Option<StoredTotp>, sqlx::Error> {
    let row = sqlx::query_as!(
        StoredTotp,
        r#"SELECT totp_secret AS secret, totp_confirmed_at IS NOT NULL AS "is_confirmed!"
           FROM patients.account WHERE id = $1 AND active"#,
        id,
    );
    row.fetch_optional(connection).await
}

/// Keeps a new secret that is not confirmed yet, unless one is confirmed; gives whether it does.
pub(crate) async fn begin_totp(connection: &mut PgConnection, id: Uuid, secret: &[u8]) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "UPDATE patients.account SET totp_secret = $2, totp_last_step = NULL
         WHERE id = $1 AND totp_confirmed_at IS NULL",
        id,
        secret,
    );
    Ok(kept.execute(connection).await?.rows_affected() == 1)
}

/// Uses a step of an account's one-time passwords; `false` where it, or a later one, was used before. The first use
/// confirms the secret.
pub(crate) async fn use_totp_step(
    connection: &mut PgConnection,
    id: Uuid,
    step: i64,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let used = sqlx::query!(
        "UPDATE patients.account
         SET totp_last_step = $2, totp_confirmed_at = coalesce(totp_confirmed_at, $3),
             version = version + (totp_confirmed_at IS NULL)::integer
         WHERE id = $1 AND totp_secret IS NOT NULL AND (totp_last_step IS NULL OR totp_last_step < $2)",
        id,
        step,
        now,
    );
    Ok(used.execute(connection).await?.rows_affected() == 1)
}

/// Asks an account for one-time passwords no longer.
pub(crate) async fn clear_totp(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    let cleared = sqlx::query!(
        "UPDATE patients.account SET totp_secret = NULL, totp_confirmed_at = NULL, totp_last_step = NULL,
             version = version + 1
         WHERE id = $1",
        id,
    );
    cleared.execute(connection).await.map(drop)
}

/// Keeps the digest of a one-time token, in the place of the last one's.
pub(crate) async fn insert_one_time_token(
    connection: &mut PgConnection,
    token: &OneTimeToken,
    hash: &[u8],
    issued_by: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.one_time_token (account_id, hash, clears_totp, issued_by, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, clears_totp = excluded.clears_totp,
             issued_by = excluded.issued_by, issued_at = excluded.issued_at, expires_at = excluded.expires_at",
        token.account_id,
        hash,
        token.clears_totp,
        issued_by,
        now,
        token.expires_at,
    );
    inserted.execute(connection).await.map(drop)
}

/// The account and expiry of a one-time token.
pub(crate) async fn one_time_token(db: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<OneTimeToken>, sqlx::Error> {
    let row = sqlx::query_as!(
        OneTimeToken,
        "SELECT account_id, clears_totp, expires_at FROM patients.one_time_token WHERE hash = $1",
        hash,
    );
    row.fetch_optional(db).await
}

/// Uses a one-time token up; `false` where somebody else did.
pub(crate) async fn use_one_time_token(connection: &mut PgConnection, hash: &[u8]) -> Result<bool, sqlx::Error> {
    let used = sqlx::query!("DELETE FROM patients.one_time_token WHERE hash = $1", hash);
    Ok(used.execute(connection).await?.rows_affected() == 1)
}

/// Lets one sign-in of somebody whom an issuer vouches for at a time make or change the account.
pub(crate) async fn lock_foreign_identity(
    connection: &mut PgConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<ForeignLink>, sqlx::Error> {
    let locked = sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('foreign ' || $1 || ' ' || $2, 0))",
        issuer,
        subject,
    );
    locked.execute(&mut *connection).await?;
    let row = sqlx::query_as!(
        ForeignLink,
        "SELECT account_id, provisioned FROM patients.foreign_identity WHERE issuer = $1 AND subject = $2",
        issuer,
        subject,
    );
    row.fetch_optional(connection).await
}

/// Notes whose account it is by an issuer's word; `false` where another issuer vouches for the account.
pub(crate) async fn insert_foreign_identity(
    connection: &mut PgConnection,
    issuer: &str,
    subject: &str,
    link: &ForeignLink,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO patients.foreign_identity (issuer, subject, account_id, provisioned, linked_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id) DO NOTHING",
        issuer,
        subject,
        link.account_id,
        link.provisioned,
        now,
    );
    Ok(inserted.execute(connection).await?.rows_affected() == 1)
}
