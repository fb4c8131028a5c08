use chrono::{DateTime, Utc};
use healthbridge_outcome::{Direction, Total, Window};
use healthbridge_postgres::{known, sought};
use healthbridge_rights::Role;
use healthbridge_terms::{Coded, coded};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::{Account, UserKind};

struct Row {
    id: Uuid,
    kind: String,
    email: String,
    roles: Vec<String>,
    scopes: Vec<String>,
    active: bool,
    patient_id: Option<Uuid>,
    staff_id: Option<Uuid>,
    token_version: i32,
    totp_enabled: bool,
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
            token_version: row.token_version,
            totp_enabled: row.totp_enabled,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// Which accounts a list shows; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountFilter {
    pub kind: Option<UserKind>,
    pub active: Option<bool>,
    pub role: Option<Role>,
    /// Beginning of the email address, lower case.
    pub search: Option<String>,
}

coded! {
    /// How a list of accounts is ordered.
    pub(crate) enum AccountOrder("UserOrder") {
        /// The oldest account first.
        CreatedAtAsc,
        /// The newest account first.
        CreatedAtDesc,
        /// By email address.
        EmailAsc,
    }
}

impl AccountOrder {
    /// The ordering's name in cursors.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::CreatedAtAsc => "user-oldest",
            Self::CreatedAtDesc => "user-newest",
            Self::EmailAsc => "user-email",
        }
    }
}

/// A row's place in each order. Ids are UUIDv7: their order is that of creation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct AccountKey {
    pub email: String,
    pub id: Uuid,
}

/// A statement that reads accounts; what follows the columns differs.
macro_rules! select {
    ($first:tt $(+ $more:tt)*, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, kind, email, roles, scopes, active, patient_id, staff_id, token_version,
                      totp_confirmed_at IS NOT NULL AS "totp_enabled!", last_login_at, created_at, updated_at, version
               FROM patients.account "# + $first $(+ $more)*,
            $($argument),+
        )
    };
}

/// Notes a sign-in and gives the account.
pub(crate) async fn signed_in(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Account, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE patients.account SET last_login_at = $2 WHERE id = $1
         RETURNING id, kind, email, roles, scopes, active, patient_id, staff_id, token_version,
                   totp_confirmed_at IS NOT NULL AS "totp_enabled!", last_login_at, created_at, updated_at, version"#,
        id,
        now,
    );
    row.fetch_one(connection).await?.try_into()
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &AccountFilter,
    order: AccountOrder,
    window: &Window<AccountKey>,
) -> Result<Vec<Account>, sqlx::Error> {
    // One statement for each order and direction: the ends differ, the filter does not.
    macro_rules! list {
        ($after:tt, $order:tt) => {
            select!(
                "WHERE ($1::text IS NULL OR kind = $1)
                     AND ($2::boolean IS NULL OR active = $2)
                     AND ($3::text IS NULL OR $3 = ANY(roles))
                     AND ($4::text IS NULL OR starts_with(email, $4))
                     AND ($5::text IS NULL OR true) AND ($6::uuid IS NULL OR true)
                     AND "
                    + $after
                    + " ORDER BY "
                    + $order
                    + " LIMIT $7",
                filter.kind.map(Coded::text),
                filter.active,
                filter.role.map(Coded::text),
                filter.search.as_deref().map(sought),
                window.start.as_ref().map(|start| start.email.clone()),
                window.start.as_ref().map(|start| start.id),
                window.limit(),
            )
            .fetch_all(db)
            .await
        };
    }
    let rows = match (order, window.direction == Direction::Forward) {
        (AccountOrder::CreatedAtAsc, true) | (AccountOrder::CreatedAtDesc, false) => {
            list!("($6::uuid IS NULL OR id > $6)", "id")
        }
        (AccountOrder::CreatedAtDesc, true) | (AccountOrder::CreatedAtAsc, false) => {
            list!("($6::uuid IS NULL OR id < $6)", "id DESC")
        }
        (AccountOrder::EmailAsc, true) => list!("($5::text IS NULL OR email > $5)", "email"),
        (AccountOrder::EmailAsc, false) => list!("($5::text IS NULL OR email < $5)", "email DESC"),
    };
    rows?.into_iter().map(Account::try_from).collect()
}

/// How many accounts a filter leaves.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &AccountFilter) -> Result<Total, sqlx::Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM patients.account
           WHERE ($1::text IS NULL OR kind = $1)
             AND ($2::boolean IS NULL OR active = $2)
             AND ($3::text IS NULL OR $3 = ANY(roles))
             AND ($4::text IS NULL OR starts_with(email, $4)) LIMIT $5) AS found"#,
        filter.kind.map(Coded::text),
        filter.active,
        filter.role.map(Coded::text),
        filter.search.as_deref().map(sought),
        Total::LIMIT,
    );
    Ok(Total::of(count.fetch_one(db).await?))
}

/// The accounts with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Account>, sqlx::Error> {
    let rows = select!("WHERE id = ANY($1)", ids,);
    rows.fetch_all(db).await?.into_iter().map(Account::try_from).collect()
}

/// The accounts of these patients that `own` does not hide.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Account>, sqlx::Error> {
    let rows = select!("WHERE patient_id = ANY($1) AND ($2::uuid IS NULL OR id = $2)", patients, own,);
    rows.fetch_all(db).await?.into_iter().map(Account::try_from).collect()
}

/// The accounts of these members of the staff that `own` does not hide.
pub(crate) async fn of_staff(
    db: impl PgExecutor<'_>,
    staff: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Account>, sqlx::Error> {
    let rows = select!("WHERE staff_id = ANY($1) AND ($2::uuid IS NULL OR id = $2)", staff, own,);
    rows.fetch_all(db).await?.into_iter().map(Account::try_from).collect()
}

/// Adds an account; `false` where the address is taken.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    account: &Account,
    password_hash: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let roles: Vec<String> = account.roles.iter().map(|role| role.text().to_owned()).collect();
    let inserted = sqlx::query!(
        "INSERT INTO patients.account (id, kind, email, password_hash, roles, scopes, active, patient_id, staff_id,
             created_at, updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (email) DO NOTHING",
        account.id,
        account.kind.text(),
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
    Ok(inserted.execute(connection).await?.rows_affected() == 1)
}

/// The account, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Account>, sqlx::Error> {
    let row = select!("WHERE id = $1 FOR UPDATE", id,);
    row.fetch_optional(connection).await?.map(Account::try_from).transpose()
}

/// Writes what may change of an account that is locked.
pub(crate) async fn update(connection: &mut PgConnection, account: &Account) -> Result<(), sqlx::Error> {
    let roles: Vec<String> = account.roles.iter().map(|role| role.text().to_owned()).collect();
    let updated = sqlx::query!(
        "UPDATE patients.account SET roles = $2, active = $3, patient_id = $4, token_version = $5, updated_at = $6,
             version = $7, staff_id = $8, scopes = $9
         WHERE id = $1",
        account.id,
        &roles,
        account.active,
        account.patient_id,
        account.token_version,
        account.updated_at,
        account.version,
        account.staff_id,
        &account.scopes,
    );
    updated.execute(connection).await.map(drop)
}

/// The account that belongs to this patient already.
pub(crate) async fn id_of_patient(
    connection: &mut PgConnection,
    patient_id: Uuid,
) -> Result<Option<Uuid>, sqlx::Error> {
    let found = sqlx::query_scalar!("SELECT id FROM patients.account WHERE patient_id = $1", patient_id);
    found.fetch_optional(connection).await
}

/// The id of the account with this address, in lower case.
pub(crate) async fn id_by_email(connection: &mut PgConnection, email: &str) -> Result<Option<Uuid>, sqlx::Error> {
    let found = sqlx::query_scalar!("SELECT id FROM patients.account WHERE email = $1", email);
    found.fetch_optional(connection).await
}
