mod pay;
mod refund;

use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Changes, Making, failpoint};
use healthbridge_outcome::{Fault, Outcome, Total, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::invoices;
use crate::{
    NAME,
    domain::{Billing, Invoice, LedgerEntry, Movement},
    store::{billings, ledger},
};

pub(crate) use pay::{PayBilling, PayInvoice};
pub(crate) use refund::RefundPayment;

/// The ledger, and the money that moves in it.
pub(crate) struct Payments {
    pool: PgPool,
    changes: Changes,
}

/// A movement of money, with a billing that it is about.
#[derive(Debug)]
pub(crate) struct Moved {
    pub entry: LedgerEntry,
    pub billing: Option<Billing>,
    /// The invoice that the billing is on.
    pub invoice: Option<Invoice>,
}

impl Payments {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The movements with these ids, for whoever may read payments.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<LedgerEntry>, Fault> {
        if caller.require(Resource::PaymentNotice, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        Ok(ledger::by_id(&self.pool, ids).await?)
    }

    /// A page of the movements of each of these billings, for whoever may read payments.
    pub(crate) async fn of_billings(
        &self,
        caller: &Caller,
        billings: &[Uuid],
        window: &Window<i64>,
    ) -> Result<Vec<(Uuid, LedgerEntry)>, Fault> {
        if caller.require(Resource::PaymentNotice, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        Ok(ledger::of_billings(&self.pool, billings, window).await?)
    }

    /// How many movements each of these billings has, for whoever may read payments.
    pub(crate) async fn count_of_billings(
        &self,
        caller: &Caller,
        billings: &[Uuid],
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        if caller.require(Resource::PaymentNotice, Right::Read).is_err() {
            return Ok(Vec::new());
        }
        Ok(ledger::count_of_billings(&self.pool, billings).await?)
    }

    /// Takes money for a billing: all that is outstanding, or a part.
    pub(crate) async fn pay_billing(
        &self,
        caller: &Caller,
        payment: PayBilling,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Moved> {
        caller.require(Resource::PaymentNotice, Right::Create)?;
        self.changes.make_once(&payment, Some(key), caller, now).await
    }

    /// Takes money for an invoice: all that is outstanding, or a part, which pays the first lines first.
    pub(crate) async fn pay_invoice(
        &self,
        caller: &Caller,
        payment: PayInvoice,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Moved> {
        caller.require(Resource::PaymentNotice, Right::Create)?;
        self.changes.make_once(&payment, Some(key), caller, now).await
    }

    /// Gives money of a payment back: all that is left of it, or a part; never more than was paid.
    pub(crate) async fn refund(
        &self,
        caller: &Caller,
        refund: RefundPayment,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<Moved> {
        caller.require(Resource::PaymentNotice, Right::Create)?;
        if !caller.holds("policy:billing.refund") {
            return Err(Fault::Forbidden.into());
        }
        self.changes.make_once(&refund, Some(key), caller, now).await
    }
}

/// Writes a movement of money.
async fn write<C: Change>(making: &mut Making<'_>, movement: &Movement) -> Outcome<Moved> {
    ledger::insert_postings(making.connection(), movement).await?;
    failpoint(C::NAME, "postings written");
    ledger::seal(making.connection(), movement).await?;
    failpoint(C::NAME, "movement written");
    Ok(moved(making.connection(), movement.id).await?)
}

/// A movement as it was written, with its first billing as it is now.
async fn moved(connection: &mut PgConnection, id: Uuid) -> Result<Moved, Fault> {
    let entry = ledger::by_id(&mut *connection, &[id]).await?.into_iter().next().ok_or(Fault::Forbidden)?;
    let ids = ledger::billings_of_movement(connection, id).await?;
    let first = &ids[..ids.len().min(1)];
    let billing = billings::by_id(&mut *connection, first, None).await?.into_iter().next();
    let invoice = match billing.as_ref().and_then(|billing| billing.invoice_id) {
        Some(invoice) => Some(invoices::present(connection, invoice).await?),
        None => None,
    };
    Ok(Moved { entry, billing, invoice })
}
