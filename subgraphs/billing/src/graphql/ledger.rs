//! Movements of the ledger.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use healthbridge_graphql::{ApiError, Time};

use super::{loaders::Loaders, reference::User, scalar::Money};
use crate::domain;

/// The ordering's name in cursors.
pub(crate) const NEWEST_FIRST: &str = "ledger";

/// What a movement of the ledger is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LedgerKind")]
pub(crate) enum LedgerKind {
    /// Something is owed.
    Charge,
    /// What is owed has changed.
    Adjustment,
    /// What was owed is owed no more.
    Void,
    /// Money came.
    Payment,
    /// Money went back.
    Refund,
}

/// How money moves.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PaymentMethod")]
pub(crate) enum PaymentMethod {
    /// Coins and notes.
    Cash,
    /// A card.
    Card,
    /// A transfer between banks.
    BankTransfer,
    /// The insurance pays.
    Insurance,
    /// A cheque.
    Cheque,
    /// Another way.
    Other,
}

/// A movement of money, or of what is owed, in a ledger that only grows: a refund is a new one that points at its payment.
pub(crate) struct LedgerEntry(pub(crate) Arc<domain::LedgerEntry>);

/// A movement of money, or of what is owed, in a ledger that only grows: a refund is a new one that points at its payment.
#[Object]
impl LedgerEntry {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is.
    async fn kind(&self) -> LedgerKind {
        self.0.kind.into()
    }

    /// What moved, never negative.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// How money moved; null where none did.
    async fn method(&self) -> Option<PaymentMethod> {
        self.0.method.map(Into::into)
    }

    /// What it was called elsewhere: a receipt's number, say.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// The payment that a refund gives back.
    async fn reverses(&self, ctx: &Context<'_>) -> Result<Option<LedgerEntry>, ApiError> {
        match self.0.reverses_id {
            Some(id) => Ok(Loaders::ledger_entry(ctx, id).await?.map(LedgerEntry)),
            None => Ok(None),
        }
    }

    /// Who wrote it. Null where the caller may not see the account, or it cannot be asked for.
    async fn recorded_by(&self) -> Option<User> {
        Some(User { id: self.0.recorded_by.into() })
    }

    /// When.
    async fn recorded_at(&self) -> Time {
        self.0.recorded_at.into()
    }
}
