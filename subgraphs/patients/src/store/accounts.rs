use chrono::{DateTime, Utc};
use healthbridge_auth::Role;
use healthbridge_postgres::known;
use uuid::Uuid;

use super::Store;
use crate::domain::Account;

struct Row {
    id: Uuid,
    kind: String,
    email: String,
    roles: Vec<String>,
    scopes: Vec<String>,
    active: bool,
    patient_id: Option<Uuid>,
    staff_id: Option<Uuid>,
    last_login_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl TryFrom<Row> for Account {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let roles: Result<Vec<Role>, _> = row.roles.iter().map(|role| known("roles", role)).collect();
        Ok(Self {
            id: row.id,
            kind: known("kind", &row.kind)?,
            email: row.email,
            roles: roles?,
            scopes: row.scopes,
            active: row.active,
            patient_id: row.patient_id,
            staff_id: row.staff_id,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// What a sign-in is checked against.
pub(crate) struct Credentials {
    pub account_id: Uuid,
    pub active: bool,
    pub password_hash: String,
}

impl Store {
    /// The credentials of an account; the address is in lower case.
    pub(crate) async fn credentials(&self, email: &str) -> Result<Option<Credentials>, sqlx::Error> {
        let row = sqlx::query_as!(
            Credentials,
            "SELECT id AS account_id, active, password_hash FROM patients.account WHERE email = $1",
            email,
        );
        row.fetch_optional(&self.pool).await
    }

    /// Notes a sign-in and gives the account.
    pub(crate) async fn signed_in(&self, id: Uuid, now: DateTime<Utc>) -> Result<Account, sqlx::Error> {
        let row = sqlx::query_as!(
            Row,
            "UPDATE patients.account SET last_login_at = $2 WHERE id = $1
             RETURNING id, kind, email, roles, scopes, active, patient_id, staff_id, last_login_at, created_at,
                       updated_at, version",
            id,
            now,
        );
        row.fetch_one(&self.pool).await?.try_into()
    }

    /// The accounts with these ids.
    pub(crate) async fn accounts_by_id(&self, ids: &[Uuid]) -> Result<Vec<Account>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, kind, email, roles, scopes, active, patient_id, staff_id, last_login_at, created_at,
                    updated_at, version
             FROM patients.account WHERE id = ANY($1)",
            ids,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Account::try_from).collect()
    }

    /// Adds an account; `false` where the address is taken.
    pub(crate) async fn insert_account(&self, account: &Account, password_hash: &str) -> Result<bool, sqlx::Error> {
        let roles: Vec<String> = account.roles.iter().map(|role| role.as_str().to_owned()).collect();
        let inserted = sqlx::query!(
            "INSERT INTO patients.account (id, kind, email, password_hash, roles, scopes, active, patient_id, staff_id,
                 created_at, updated_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (email) DO NOTHING",
            account.id,
            <&str>::from(account.kind),
            account.email,
            password_hash,
            &roles,
            &account.scopes,
            account.active,
            account.patient_id,
            account.staff_id,
            account.created_at,
            account.updated_at,
            account.version,
        );
        Ok(inserted.execute(&self.pool).await?.rows_affected() == 1)
    }
}
