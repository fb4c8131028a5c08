//! Bills of another system and what was paid for them, taken over as they are. Run again, an import changes nothing.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_outcome::{Checked, Refusals, UserError, UserErrorCode, reasons};
use healthbridge_terms::Coding;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    domain::{Billing, Movement, Parts, PaymentMethod, Recorded, Wanted, charge, payable_parts},
    store::{billings, imports, ledger},
};

/// What a resource of another system says of a bill: its lines, what was paid for it, or both.
#[derive(Clone, Debug)]
pub struct ForeignBill {
    /// The other system's name for the bill. Several resources may be about one bill: a claim, and what the insurance paid.
    pub source: String,
    /// Who owes it.
    pub patient_id: Uuid,
    /// What it is for, or why that cannot be read. Needed where the bill is not here yet.
    pub lines: Result<Vec<ForeignLine>, String>,
    /// What was paid for it.
    pub payment: Option<ForeignPayment>,
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub struct ForeignLine {
    /// The code of the service.
    pub code: Option<Coding>,
    /// The service.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Decimal,
    /// Its ISO 4217 currency.
    pub currency: String,
    /// Surcharges, discounts and taxes.
    pub components: Vec<Wanted>,
    /// When the service was given.
    pub serviced_at: DateTime<Utc>,
}

/// A payment for a bill.
#[derive(Clone, Debug)]
pub struct ForeignPayment {
    /// The other system's name for it.
    pub source: String,
    /// How much, and its currency; all that is outstanding where it is left out.
    pub amount: Option<(Decimal, String)>,
    /// How.
    pub method: PaymentMethod,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Billings that are new.
    pub billings: u64,
    /// Payments that are new.
    pub payments: u64,
    /// Bills and payments that were there already.
    pub known: u64,
    /// What was left out: the source and the reason.
    pub skipped: Vec<(String, String)>,
}

/// Imports batches into a database.
#[derive(Clone, Debug)]
pub struct Importer {
    pool: PgPool,
    responsible: Uuid,
}

impl Importer {
    /// An importer into this database; the account answers for what it writes.
    pub fn new(pool: PgPool, responsible: Uuid) -> Self {
        Self { pool, responsible }
    }

    /// Takes over a batch, whole or not at all. A bill or payment that cannot be is skipped, whole. The ledger says when it was
    /// written, not when money moved elsewhere: it only grows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import(&self, bills: Vec<ForeignBill>, now: DateTime<Utc>) -> Result<Imported, sqlx::Error> {
        let recorded = Recorded { by: self.responsible, at: now.trunc_subsecs(6) };
        let mut transaction = self.pool.begin().await?;
        imports::lock(&mut transaction).await?;
        let sources: Vec<String> = bills.iter().map(|bill| bill.source.clone()).collect();
        let payments: Vec<String> =
            bills.iter().filter_map(|bill| Some(bill.payment.as_ref()?.source.clone())).collect();
        let known = imports::bills(&mut transaction, &sources).await?;
        // Billings before balances, as whoever pays does: neither waits for the other.
        let ids: Vec<Uuid> = known.values().flatten().copied().collect();
        let locked = billings::lock(&mut transaction, &ids).await?;
        let mut locked: HashMap<Uuid, Billing> = locked.into_iter().map(|billing| (billing.id, billing)).collect();
        let mut lines = |ids: Vec<Uuid>| ids.iter().filter_map(|id| locked.remove(id)).collect();
        let mut batch = Batch {
            bills: known.into_iter().map(|(source, ids)| (source, lines(ids))).collect(),
            payments: imports::payments(&mut transaction, &payments).await?,
            done: Imported::default(),
            recorded,
        };
        for bill in bills {
            batch.take(&mut transaction, bill).await?;
        }
        transaction.commit().await?;
        Ok(batch.done)
    }
}

struct Batch {
    /// The billings of the bills that are here, in the order of their lines, as they are now.
    bills: HashMap<String, Vec<Billing>>,
    /// The payments that are here.
    payments: HashSet<String>,
    done: Imported,
    recorded: Recorded,
}

impl Batch {
    async fn take(&mut self, connection: &mut PgConnection, bill: ForeignBill) -> Result<(), sqlx::Error> {
        let ForeignBill { source, patient_id, lines, payment } = bill;
        let is_paid = payment.as_ref().is_none_or(|payment| self.payments.contains(&payment.source));
        if self.bills.contains_key(&source) {
            self.done.known += u64::from(is_paid);
        } else {
            match lines.and_then(|lines| self.billings(patient_id, &lines)) {
                Ok(billings) => self.charge(connection, &source, billings).await?,
                Err(reason) => {
                    self.done.skipped.push((payment.map_or(source, |payment| payment.source), reason));
                    return Ok(());
                }
            }
        }
        match payment {
            Some(payment) if !is_paid => self.pay(connection, &source, patient_id, payment).await,
            _ => Ok(()),
        }
    }

    /// The billings of a bill's lines, which are in one currency.
    fn billings(&self, patient_id: Uuid, lines: &[ForeignLine]) -> Result<Vec<Billing>, String> {
        if lines.is_empty() {
            return Err("it has no lines".to_owned());
        }
        if lines.iter().any(|line| line.currency != lines[0].currency) {
            return Err("its lines are in several currencies".to_owned());
        }
        let one = |(line, number): (&ForeignLine, usize)| {
            let billing = self.billing(patient_id, line);
            billing.map_err(|refused| format!("line {number}: {}", reasons(&refused)))
        };
        lines.iter().zip(1..).map(one).collect()
    }

    fn billing(&self, patient_id: Uuid, line: &ForeignLine) -> Checked<Billing> {
        let mut refusals = Refusals::default();
        let description = refusals.line("description", &line.description);
        let code = line.code.as_ref().map(|code| refusals.coding("code", code));
        charge::quantity(&mut refusals, line.quantity);
        let unit_price = charge::unit_price(&mut refusals, line.unit_price, &line.currency);
        let price = unit_price.and_then(|unit| charge::price(&mut refusals, unit, line.quantity, &line.components));
        let serviced_at = line.serviced_at.trunc_subsecs(6);
        let billing = unit_price.zip(price).map(|(unit, price)| Billing {
            code,
            ..Billing::new(patient_id, description, line.quantity, unit, price, serviced_at, self.recorded)
        });
        // Without a price there is a refusal.
        refusals.or(billing)?.ok_or_else(Vec::new)
    }

    async fn charge(
        &mut self,
        connection: &mut PgConnection,
        source: &str,
        billings: Vec<Billing>,
    ) -> Result<(), sqlx::Error> {
        for billing in &billings {
            billings::insert(connection, billing).await?;
            ledger::insert(connection, &Movement::charge(billing, self.recorded)).await?;
            self.done.billings += 1;
        }
        let ids: Vec<Uuid> = billings.iter().map(|billing| billing.id).collect();
        imports::insert_bill(connection, source, &ids, self.recorded.at).await?;
        self.bills.insert(source.to_owned(), billings);
        Ok(())
    }

    /// Pays the bill's billings in their order. More than is outstanding is not taken.
    async fn pay(
        &mut self,
        connection: &mut PgConnection,
        bill: &str,
        patient_id: Uuid,
        payment: ForeignPayment,
    ) -> Result<(), sqlx::Error> {
        let Some(billings) = self.bills.get_mut(bill) else { return Ok(()) };
        let parts = match parts(billings, patient_id, &payment) {
            Ok(Some(parts)) => parts,
            Ok(None) => return Ok(()),
            Err(refused) => {
                self.done.skipped.push((payment.source, reasons(&refused)));
                return Ok(());
            }
        };
        let in_range = |error| sqlx::Error::Encode(Box::new(error));
        let movement = Movement::payment_of_several(patient_id, &parts, payment.method, self.recorded);
        let Some(movement) = movement.map_err(in_range)? else { return Ok(()) };
        // The name is the other system's word for it, so that a person finds it there.
        let movement = Movement { reference: Some(payment.source.clone()), ..movement };
        ledger::insert(connection, &movement).await?;
        imports::insert_payment(connection, &payment.source, movement.id, self.recorded.at).await?;
        // As the database has just done: another payment of the batch may be for the same bill.
        for (id, part) in parts {
            for billing in billings.iter_mut().filter(|billing| billing.id == id) {
                billing.paid = billing.paid.plus(part).map_err(in_range)?;
            }
        }
        self.payments.insert(payment.source);
        self.done.payments += 1;
        Ok(())
    }
}

/// What of a payment falls to which of a bill's billings; nothing where a bill that is said to be paid is over nothing.
fn parts(billings: &[Billing], patient_id: Uuid, payment: &ForeignPayment) -> Checked<Option<Parts>> {
    let refuse = |field, code, message: &str| Err(vec![UserError::at(field, code, message)]);
    let Some(first) = billings.first() else { return Ok(None) };
    if first.patient_id != patient_id {
        return refuse("patient", UserErrorCode::NotAllowed, "The bill is another patient's");
    }
    match payable_parts(billings.iter(), first.price.net.currency(), payment.amount.as_ref())? {
        None if payment.amount.is_some() => {
            refuse("amount", UserErrorCode::AlreadyPaid, "Nothing of the bill is outstanding")
        }
        parts => Ok(parts),
    }
}
