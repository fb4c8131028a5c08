//! Movements of the ledger.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{Code, List, Time, batch, below, entity, one};
use healthbridge_outcome::Fault;
use uuid::Uuid;

use super::{money::Money, reference::User};
use crate::{
    domain::{self, LedgerKind, PaymentMethod},
    service::Payments,
};

/// A movement of money, or of what is owed, in a ledger that only grows: a refund is a new one that points at its payment.
pub(crate) struct LedgerEntry(pub(crate) Arc<domain::LedgerEntry>);

/// A movement of money, or of what is owed, in a ledger that only grows: a refund is a new one that points at its payment.
#[Object]
impl LedgerEntry {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The kind of movement.
    async fn kind(&self) -> Code<LedgerKind> {
        Code(self.0.kind)
    }

    /// The amount of the movement, never negative.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// The method of payment; null where no money moved.
    async fn method(&self) -> Option<Code<PaymentMethod>> {
        self.0.method.map(Code)
    }

    /// A reference in another system, such as a receipt number.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// The payment that a refund returns; null for everything else.
    async fn reverses(&self, ctx: &Context<'_>) -> Result<Option<LedgerEntry>, Fault> {
        match self.0.reverses_id {
            Some(id) => Ok(one::<LedgerEntryById>(ctx, id).await?.map(LedgerEntry)),
            None => Ok(None),
        }
    }

    /// The account that recorded it. Null where the caller may not see it, or the part of the system that knows it is
    /// unavailable.
    async fn recorded_by(&self) -> Option<User> {
        Some(User { id: self.0.recorded_by.into() })
    }

    /// When it was recorded.
    async fn recorded_at(&self) -> Time {
        self.0.recorded_at.into()
    }
}

/// A billing's movements: each with the billing.
impl List for LedgerEntry {
    const ORDER: &'static str = "ledger";
    type Row = (Uuid, domain::LedgerEntry);
    type Place = i64;

    fn place((_, entry): &Self::Row) -> i64 {
        entry.seq
    }

    fn node(row: Arc<Self::Row>) -> Self {
        Self(Arc::new(Arc::unwrap_or_clone(row).1))
    }
}

below! {
    /// The movements of billings.
    pub(super) LedgerOfBilling = Payments::{of_billings, count_of_billings}(; i64) -> (Uuid, domain::LedgerEntry),
        by |row| row.0
}

batch! {
    /// The movements with these ids.
    LedgerEntryById = Payments::by_id() -> domain::LedgerEntry, by |entry| entry.id
}

/// How movements are found.
#[derive(Default)]
pub(super) struct LedgerQuery;

#[Object]
impl LedgerQuery {
    #[graphql(entity)]
    async fn find_ledger_entry_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<LedgerEntry>, Fault> {
        Ok(entity::<LedgerEntryById>(ctx, &id).await?.map(LedgerEntry))
    }
}
