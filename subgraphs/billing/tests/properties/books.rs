//! The books that are checked, beside an independent computation in whole minor units.

use std::collections::HashMap;

use chrono::Utc;
use healthbridge_billing::domain::{
    Account, Billing, ChargeItemStatus, LedgerKind, Movement, PaymentMethod, Price, PriceComponentType, Recorded, Size,
    Wanted,
};
use healthbridge_terms::{CurrencyCode, Money};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Currencies with 0, 2, 2 and 3 decimals.
pub const CURRENCIES: [&str; 4] = ["JPY", "USD", "EUR", "KWD"];

/// What happens to a patient's bills. Numbers choose which bill, and how much of what is possible.
#[derive(Clone, Debug)]
pub enum Step {
    Charge {
        currency: usize,
        price: i64,
        quantity: u16,
        discount: u8,
        tax: u8,
    },
    Change {
        bill: usize,
        quantity: u16,
    },
    Pay {
        bill: usize,
        part: u8,
    },
    Refund {
        payment: usize,
        part: u8,
    },
    Void {
        bill: usize,
    },
    /// All that is in the bill's currency and on no invoice goes on one, which is issued.
    Invoice {
        bill: usize,
    },
    PayInvoice {
        invoice: usize,
        part: u8,
    },
    Cancel {
        invoice: usize,
    },
}

pub fn step() -> impl Strategy<Value = Step> {
    let charge = (0..4_usize, 0..10_000_000_i64, 1..500_u16, 0..=100_u8, 0..=30_u8);
    prop_oneof![
        3 => charge.prop_map(|(currency, price, quantity, discount, tax)| Step::Charge { currency, price, quantity, discount, tax }),
        1 => (any::<usize>(), 1..500_u16).prop_map(|(bill, quantity)| Step::Change { bill, quantity }),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(bill, part)| Step::Pay { bill, part }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(payment, part)| Step::Refund { payment, part }),
        1 => any::<usize>().prop_map(|bill| Step::Void { bill }),
        2 => any::<usize>().prop_map(|bill| Step::Invoice { bill }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(invoice, part)| Step::PayInvoice { invoice, part }),
        1 => any::<usize>().prop_map(|invoice| Step::Cancel { invoice }),
    ]
}

/// An independent computation: whole minor units, and nothing of the code that it checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub charged: i128,
    pub discounts: i128,
    pub tax: i128,
    pub paid: i128,
    pub refunded: i128,
}

/// Divides, and rounds half to even.
fn divide(number: i128, by: i128) -> i128 {
    let (whole, rest) = (number.div_euclid(by), number.rem_euclid(by));
    let up = 2 * rest > by || (2 * rest == by && whole % 2 == 1);
    whole + i128::from(up)
}

/// The sums of a bill: `quantity` is in hundredths, `discount` and `tax` in hundredths of what they are taken of.
fn priced(price: i64, quantity: u16, discount: u8, tax: u8) -> Sums {
    let charged = divide(i128::from(price) * i128::from(quantity), 100);
    let discounts = divide(charged * i128::from(discount), 100);
    let tax = divide((charged - discounts) * i128::from(tax), 100);
    Sums { charged, discounts, tax, ..Sums::default() }
}

pub fn minor(money: Money) -> i128 {
    let mut amount = money.amount();
    amount.rescale(money.currency().digits());
    amount.mantissa()
}

fn money(amount: i128, code: CurrencyCode) -> Money {
    Money::new(Decimal::from_i128_with_scale(amount, code.digits()), code).expect("fits")
}

pub fn hundredths(number: impl Into<i64>) -> Decimal {
    Decimal::new(number.into(), 2)
}

fn wanted(discount: u8, tax: u8) -> Vec<Wanted> {
    let of = |kind, size: u8| Wanted { kind, code: None, size: Size::Factor(hundredths(size)) };
    vec![of(PriceComponentType::Discount, discount), of(PriceComponentType::Tax, tax)]
}

/// A share of an amount in whole minor units.
fn share(amount: i128, part: u8) -> i128 {
    amount * (i128::from(part) + 1) / 256
}

pub struct Bill {
    pub billing: Billing,
    price: i64,
    discount: u8,
    tax: u8,
    /// Whether it is on an invoice that is issued.
    is_billed: bool,
}

/// A part of a payment: the bill, what was paid and what of it was given back.
struct Part {
    bill: usize,
    paid: i128,
    refunded: i128,
}

/// An invoice that is issued: its bills in their order, or nothing once it is cancelled.
type Lines = Option<Vec<usize>>;

/// The books that are checked: the program's billings and movements.
#[derive(Default)]
pub struct Books {
    pub bills: Vec<Bill>,
    pub movements: Vec<Movement>,
    pub expected: HashMap<&'static str, Sums>,
    pub invoices: Vec<Lines>,
    payments: Vec<(CurrencyCode, Vec<Part>)>,
}

impl Books {
    fn recorded() -> Recorded {
        Recorded { by: Uuid::nil(), at: Utc::now() }
    }

    /// Takes a step, if it is possible.
    pub fn take(&mut self, step: &Step) -> Option<()> {
        match *step {
            Step::Charge { currency, price, quantity, discount, tax } => {
                self.charge(currency, price, quantity, discount, tax);
                Some(())
            }
            Step::Change { bill, quantity } => self.change(bill, quantity),
            Step::Pay { bill, part } => {
                let place = self.owed(bill)?;
                self.pay(&[place], part)
            }
            Step::Refund { payment, part } => self.refund(payment, part),
            Step::Void { bill } => self.void(bill),
            Step::Invoice { bill } => {
                let code = self.bills[self.unbilled(bill)?].billing.price.net.currency();
                let is_taken = |place: &usize| {
                    self.unbilled(*place).is_some() && self.bills[*place].billing.price.net.currency() == code
                };
                let lines: Vec<usize> = (0..self.bills.len()).filter(is_taken).collect();
                for place in &lines {
                    self.bill(*place, true);
                }
                self.invoices.push(Some(lines));
                Some(())
            }
            Step::PayInvoice { invoice, part } => {
                let lines = self.invoices[invoice.checked_rem(self.invoices.len())?].clone()?;
                self.pay(&lines, part)
            }
            Step::Cancel { invoice } => {
                let place = invoice.checked_rem(self.invoices.len())?;
                let lines = self.invoices[place].take()?;
                for place in &lines {
                    self.bill(*place, false);
                }
                Some(())
            }
        }
    }

    fn bill(&mut self, place: usize, is_billed: bool) {
        self.bills[place].is_billed = is_billed;
        self.bills[place].billing.status =
            if is_billed { ChargeItemStatus::Billed } else { ChargeItemStatus::Billable };
    }

    fn charge(&mut self, currency: usize, price: i64, quantity: u16, discount: u8, tax: u8) {
        let code: CurrencyCode = CURRENCIES[currency].parse().expect("a currency");
        let unit = Money::new(Decimal::new(price, code.digits()), code).expect("fits");
        let computed = Price::compute(unit, hundredths(quantity), &wanted(discount, tax)).expect("a price");
        let recorded = Self::recorded();
        let (nobody, text) = (Uuid::nil(), "a test".to_owned());
        let billing = Billing::new(nobody, text, hundredths(quantity), unit, computed, recorded.at, recorded);
        self.movements.push(Movement::charge(&billing, Self::recorded()));
        self.bills.push(Bill { billing, price, discount, tax, is_billed: false });
        self.add(code, priced(price, quantity, discount, tax), 1);
    }

    fn change(&mut self, bill: usize, quantity: u16) -> Option<()> {
        let place = self.unbilled(bill)?;
        let Bill { billing: old, price, discount, tax, .. } = &self.bills[place];
        let (price, discount, tax) = (*price, *discount, *tax);
        let computed = Price::compute(old.unit_price, hundredths(quantity), &wanted(discount, tax)).expect("a price");
        if minor(computed.net) < minor(old.paid) - minor(old.refunded) {
            return None;
        }
        let new = Billing { price: computed, quantity: hundredths(quantity), ..old.clone() };
        self.movements.push(Movement::adjustment(old, &new, Self::recorded()).expect("one currency"));
        let before = priced(price, scaled(old.quantity).expect("hundredths"), discount, tax);
        let code = new.price.net.currency();
        self.bills[place].billing = new;
        self.add(code, before, -1);
        self.add(code, priced(price, quantity, discount, tax), 1);
        Some(())
    }

    /// Pays a share of what is outstanding of these bills, the first one first.
    fn pay(&mut self, bills: &[usize], part: u8) -> Option<()> {
        let open: Vec<i128> = bills.iter().map(|place| minor(self.bills[*place].billing.outstanding())).collect();
        let whole = share(open.iter().sum(), part);
        let mut left = whole;
        let mut parts = Vec::new();
        for (place, most) in bills.iter().zip(open) {
            let paid = left.min(most);
            left -= paid;
            if paid > 0 {
                parts.push(Part { bill: *place, paid, refunded: 0 });
            }
        }
        let code = self.bills[*bills.first()?].billing.price.net.currency();
        let moved: Vec<(Uuid, Money)> =
            parts.iter().map(|part| (self.bills[part.bill].billing.id, money(part.paid, code))).collect();
        let movement =
            Movement::payment_of_several(Uuid::nil(), &moved, PaymentMethod::Cash, Self::recorded()).expect("fits")?;
        self.movements.push(movement);
        for part in &parts {
            let billing = &mut self.bills[part.bill].billing;
            billing.paid = billing.paid.plus(money(part.paid, code)).expect("one currency");
        }
        self.payments.push((code, parts));
        self.add(code, Sums { paid: whole, ..Sums::default() }, 1);
        Some(())
    }

    /// Gives a share of what is left of a payment back, of the last bill first.
    fn refund(&mut self, payment: usize, part: u8) -> Option<()> {
        let place = payment.checked_rem(self.payments.len())?;
        let (code, parts) = &mut self.payments[place];
        let code = *code;
        let whole = share(parts.iter().map(|part| part.paid - part.refunded).sum(), part);
        let mut left = whole;
        let mut moved = Vec::new();
        for part in parts.iter_mut().rev() {
            let back = left.min(part.paid - part.refunded);
            left -= back;
            part.refunded += back;
            if back > 0 {
                let billing = &mut self.bills[part.bill].billing;
                billing.refunded = billing.refunded.plus(money(back, code)).expect("one currency");
                moved.push((billing.id, money(back, code)));
            }
        }
        let there = Movement::payment_of_several(Uuid::nil(), &moved, PaymentMethod::Cash, Self::recorded());
        let there = there.expect("fits")?;
        let back = there.postings.iter().map(|(account, amount)| (*account, amount.negated())).collect();
        self.movements.push(Movement { kind: LedgerKind::Refund, postings: back, ..there });
        self.add(code, Sums { refunded: whole, ..Sums::default() }, 1);
        Some(())
    }

    fn void(&mut self, bill: usize) -> Option<()> {
        let place = self.unbilled(bill)?;
        let Bill { billing, price, discount, tax, .. } = &mut self.bills[place];
        if billing.paid != billing.refunded {
            return None;
        }
        self.movements.push(Movement::void(billing, "a test", Self::recorded()));
        billing.status = ChargeItemStatus::EnteredInError;
        let before = priced(*price, scaled(billing.quantity).expect("hundredths"), *discount, *tax);
        let code = billing.price.net.currency();
        self.add(code, before, -1);
        Some(())
    }

    fn unbilled(&self, bill: usize) -> Option<usize> {
        self.owed(bill).filter(|place| !self.bills[*place].is_billed)
    }

    fn owed(&self, bill: usize) -> Option<usize> {
        let place = bill.checked_rem(self.bills.len())?;
        self.bills[place].billing.status.is_owed().then_some(place)
    }

    fn add(&mut self, code: CurrencyCode, sums: Sums, times: i128) {
        let all = self.expected.entry(code.as_str()).or_default();
        all.charged += times * sums.charged;
        all.discounts += times * sums.discounts;
        all.tax += times * sums.tax;
        all.paid += times * sums.paid;
        all.refunded += times * sums.refunded;
    }

    /// What the movements come to.
    pub fn sums(&self) -> HashMap<&'static str, Sums> {
        let mut all: HashMap<&'static str, Sums> = HashMap::new();
        for movement in &self.movements {
            let sums = all.entry(movement.amount.currency().as_str()).or_default();
            let balance: i128 = movement.postings.iter().map(|(_, amount)| minor(*amount)).sum();
            assert_eq!(balance, 0, "{movement:?}");
            assert!(!movement.amount.is_negative(), "{movement:?}");
            for (account, amount) in &movement.postings {
                match account {
                    Account::Revenue => sums.charged -= minor(*amount),
                    Account::Discount => sums.discounts += minor(*amount),
                    Account::Tax => sums.tax -= minor(*amount),
                    Account::Cash if movement.kind == LedgerKind::Refund => sums.refunded -= minor(*amount),
                    Account::Cash => sums.paid += minor(*amount),
                    Account::Receivable(_) => {}
                }
            }
        }
        all
    }
}

/// A quantity in hundredths.
fn scaled(quantity: Decimal) -> Option<u16> {
    let mut quantity = quantity;
    quantity.rescale(2);
    u16::try_from(quantity.mantissa()).ok()
}
