//! Movements of the ledger, in double entry.

use chrono::{DateTime, Utc};
use healthbridge_terms::{Money, MoneyError, coded};
use uuid::Uuid;

use super::Billing;

coded! {
    /// What a movement of the ledger is.
    pub enum LedgerKind {
        /// A service was charged.
        Charge,
        /// A charge was changed.
        Adjustment,
        /// A charge was taken back.
        Void,
        /// A payment was received.
        Payment,
        /// A payment was refunded.
        Refund,
    }
}

coded! {
    /// The method of a payment.
    pub enum PaymentMethod {
        /// Cash.
        Cash,
        /// A debit or credit card.
        Card,
        /// A transfer between banks.
        BankTransfer,
        /// Payment by an insurer.
        Insurance,
        /// A cheque.
        Cheque,
        /// Any other kind.
        Other,
    }
}

/// A side of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// What a patient owes for a billing.
    Receivable(Uuid),
    /// What was charged.
    Revenue,
    /// What was taken off.
    Discount,
    /// What is the state's.
    Tax,
    /// Money.
    Cash,
}

impl Account {
    /// Its name in the ledger.
    pub fn text(self) -> &'static str {
        match self {
            Self::Receivable(_) => "RECEIVABLE",
            Self::Revenue => "REVENUE",
            Self::Discount => "DISCOUNT",
            Self::Tax => "TAX",
            Self::Cash => "CASH",
        }
    }

    /// The billing of a receivable.
    pub fn billing(self) -> Option<Uuid> {
        if let Self::Receivable(billing) = self { Some(billing) } else { None }
    }
}

/// A movement to be written.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Our id.
    pub id: Uuid,
    /// The kind of movement.
    pub kind: LedgerKind,
    /// Whose.
    pub patient_id: Uuid,
    /// What moved, not negative.
    pub amount: Money,
    /// Its sides: debits positive, credits negative, together nothing.
    pub postings: Vec<(Account, Money)>,
    /// How money moved.
    pub method: Option<PaymentMethod>,
    /// A reference in another system, such as a receipt number.
    pub reference: Option<String>,
    /// The reason, in plain text.
    pub reason: Option<String>,
    /// The payment that a refund returns; null for everything else.
    pub reverses_id: Option<Uuid>,
    /// Who wrote it.
    pub recorded_by: Uuid,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// A movement that was written.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// Our id.
    pub id: Uuid,
    /// Counts the movements.
    pub seq: i64,
    /// The kind of movement.
    pub kind: LedgerKind,
    /// What moved.
    pub amount: Money,
    /// How money moved.
    pub method: Option<PaymentMethod>,
    /// What it was called elsewhere.
    pub reference: Option<String>,
    /// The payment that a refund returns; null for everything else.
    pub reverses_id: Option<Uuid>,
    /// Who wrote it.
    pub recorded_by: Uuid,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// Who writes a movement, and when.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The account.
    pub by: Uuid,
    /// The moment.
    pub at: DateTime<Utc>,
}

impl Movement {
    /// What a billing is owed for.
    pub fn charge(billing: &Billing, recorded: Recorded) -> Self {
        let price = &billing.price;
        let postings = sides(billing.id, price.net, price.discounts, price.charged, price.tax);
        Self::of(LedgerKind::Charge, billing.patient_id, price.net, postings, recorded)
    }

    /// What takes a billing's charge back.
    pub fn void(billing: &Billing, reason: &str, recorded: Recorded) -> Self {
        let price = &billing.price;
        let postings = sides(billing.id, price.net, price.discounts, price.charged, price.tax);
        let postings = postings.into_iter().map(|(account, amount)| (account, amount.negated())).collect();
        let void = Self::of(LedgerKind::Void, billing.patient_id, price.net, postings, recorded);
        Self { reason: Some(reason.to_owned()), ..void }
    }

    /// What makes one price of a billing the other.
    ///
    /// # Errors
    /// When the currencies differ.
    pub fn adjustment(old: &Billing, new: &Billing, recorded: Recorded) -> Result<Self, MoneyError> {
        let (before, after) = (&old.price, &new.price);
        let net = after.net.minus(before.net)?;
        let discounts = after.discounts.minus(before.discounts)?;
        let (charged, tax) = (after.charged.minus(before.charged)?, after.tax.minus(before.tax)?);
        let postings = sides(new.id, net, discounts, charged, tax);
        Ok(Self::of(LedgerKind::Adjustment, new.patient_id, net.absolute(), postings, recorded))
    }

    /// Money that comes for a billing.
    pub fn payment(billing: &Billing, amount: Money, method: PaymentMethod, recorded: Recorded) -> Self {
        let postings = vec![(Account::Cash, amount), (Account::Receivable(billing.id), amount.negated())];
        Self { method: Some(method), ..Self::of(LedgerKind::Payment, billing.patient_id, amount, postings, recorded) }
    }

    /// Money that comes for several billings of a patient, with the part that falls to each.
    ///
    /// # Errors
    /// When the parts are in several currencies, or together too large.
    pub fn payment_of_several(
        patient_id: Uuid,
        parts: &[(Uuid, Money)],
        method: PaymentMethod,
        recorded: Recorded,
    ) -> Result<Option<Self>, MoneyError> {
        let Some(((_, first), others)) = parts.split_first() else { return Ok(None) };
        let amount = others.iter().try_fold(*first, |sum, (_, part)| sum.plus(*part))?;
        let mut postings = vec![(Account::Cash, amount)];
        postings.extend(parts.iter().map(|(billing, part)| (Account::Receivable(*billing), part.negated())));
        let payment = Self::of(LedgerKind::Payment, patient_id, amount, postings, recorded);
        Ok(Some(Self { method: Some(method), ..payment }))
    }

    /// Money of a payment that goes back, with the part that falls to each billing.
    ///
    /// # Errors
    /// When the parts are in another currency, or together too large.
    pub fn refund(
        payment: &LedgerEntry,
        patient_id: Uuid,
        parts: &[(Uuid, Money)],
        reason: String,
        recorded: Recorded,
    ) -> Result<Self, MoneyError> {
        let nothing = Money::zero(payment.amount.currency());
        let amount = parts.iter().try_fold(nothing, |sum, (_, part)| sum.plus(*part))?;
        let mut postings = vec![(Account::Cash, amount.negated())];
        postings.extend(parts.iter().map(|(billing, part)| (Account::Receivable(*billing), *part)));
        let refund = Self::of(LedgerKind::Refund, patient_id, amount, postings, recorded);
        Ok(Self { method: payment.method, reason: Some(reason), reverses_id: Some(payment.id), ..refund })
    }

    fn of(
        kind: LedgerKind,
        patient_id: Uuid,
        amount: Money,
        postings: Vec<(Account, Money)>,
        recorded: Recorded,
    ) -> Self {
        Self {
            #[expect(clippy::disallowed_methods, reason = "who makes it names it")]
            id: Uuid::now_v7(),
            kind,
            patient_id,
            amount,
            postings: postings.into_iter().filter(|(_, amount)| !amount.amount().is_zero()).collect(),
            method: None,
            reference: None,
            reason: None,
            reverses_id: None,
            recorded_by: recorded.by,
            recorded_at: recorded.at,
        }
    }
}

fn sides(billing: Uuid, net: Money, discounts: Money, charged: Money, tax: Money) -> Vec<(Account, Money)> {
    vec![
        (Account::Receivable(billing), net),
        (Account::Discount, discounts),
        (Account::Revenue, charged.negated()),
        (Account::Tax, tax.negated()),
    ]
}
