use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_rights::Caller;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

/// A change on its way: its transaction, who makes it, and when.
#[derive(Debug)]
pub struct Making<'a> {
    transaction: Transaction<'static, Postgres>,
    /// Who makes it.
    pub caller: &'a Caller,
    /// When, to the microsecond, as the database keeps it: the first answer shows what every later one does.
    pub now: DateTime<Utc>,
    /// The id of what it makes, which the key stands for.
    pub id: Uuid,
}

impl<'a> Making<'a> {
    pub(crate) fn new(
        transaction: Transaction<'static, Postgres>,
        caller: &'a Caller,
        now: DateTime<Utc>,
        id: Uuid,
    ) -> Self {
        Self { transaction, caller, now: now.trunc_subsecs(6), id }
    }

    /// The change's one connection, inside its transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The account that makes it; nobody's for the anonymous.
    pub fn user_id(&self) -> Uuid {
        self.caller.user_id()
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        // What a change tells others will be written here: in its transaction, behind what it tells of.
        self.transaction.commit().await
    }
}
