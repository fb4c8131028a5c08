//! Random sequences of what happens to bills: the books balance, and come to what an independent computation in whole minor
//! units says.

mod setup;

use std::collections::HashMap;

use chrono::Utc;
use healthbridge_auth::Role;
use healthbridge_billing::{
    domain::{
        Account, Billing, ChargeItemStatus, CurrencyCode, LedgerKind, Money, Movement, PaymentMethod, Price,
        PriceComponentType, Recorded, Size, Wanted,
    },
    verify,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use setup::{ADD, PAY, TOTAL, setup};
use uuid::Uuid;

/// Currencies with 0, 2, 2 and 3 decimals.
const CURRENCIES: [&str; 4] = ["JPY", "USD", "EUR", "KWD"];

/// What happens to a patient's bills. Numbers choose which bill, and how much of what is possible.
#[derive(Clone, Debug)]
enum Step {
    Charge { currency: usize, price: i64, quantity: u16, discount: u8, tax: u8 },
    Change { bill: usize, quantity: u16 },
    Pay { bill: usize, part: u8 },
    Refund { payment: usize, part: u8 },
    Void { bill: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let charge = (0..4_usize, 0..10_000_000_i64, 1..500_u16, 0..=100_u8, 0..=30_u8);
    prop_oneof![
        3 => charge.prop_map(|(currency, price, quantity, discount, tax)| Step::Charge { currency, price, quantity, discount, tax }),
        1 => (any::<usize>(), 1..500_u16).prop_map(|(bill, quantity)| Step::Change { bill, quantity }),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(bill, part)| Step::Pay { bill, part }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(payment, part)| Step::Refund { payment, part }),
        1 => any::<usize>().prop_map(|bill| Step::Void { bill }),
    ]
}

/// An independent computation: whole minor units, and nothing of the code that it checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    charged: i128,
    discounts: i128,
    tax: i128,
    paid: i128,
    refunded: i128,
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

fn minor(money: Money) -> i128 {
    let mut amount = money.amount();
    amount.rescale(money.currency().digits());
    amount.mantissa()
}

fn hundredths(number: impl Into<i64>) -> Decimal {
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

struct Bill {
    billing: Billing,
    price: i64,
    discount: u8,
    tax: u8,
}

/// The books that are checked: the program's billings and movements.
#[derive(Default)]
struct Books {
    bills: Vec<Bill>,
    payments: Vec<(usize, Money, Money)>,
    movements: Vec<Movement>,
    expected: HashMap<&'static str, Sums>,
}

impl Books {
    fn recorded() -> Recorded {
        Recorded { by: Uuid::nil(), at: Utc::now() }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Charge { currency, price, quantity, discount, tax } => {
                let code: CurrencyCode = CURRENCIES[currency].parse().expect("a currency");
                let unit = Money::new(Decimal::new(price, code.digits()), code).expect("fits");
                let computed = Price::compute(unit, hundredths(quantity), &wanted(discount, tax)).expect("a price");
                let billing = billing(unit, hundredths(quantity), computed);
                self.movements.push(Movement::charge(&billing, Self::recorded()));
                self.bills.push(Bill { billing, price, discount, tax });
                self.add(code, priced(price, quantity, discount, tax), 1);
            }
            Step::Change { bill, quantity } => {
                let Some(place) = self.owed(bill) else { return };
                let Bill { billing: old, price, discount, tax } = &self.bills[place];
                let (price, discount, tax) = (*price, *discount, *tax);
                let computed =
                    Price::compute(old.unit_price, hundredths(quantity), &wanted(discount, tax)).expect("a price");
                if minor(computed.net) < minor(old.paid) - minor(old.refunded) {
                    return;
                }
                let new = Billing { price: computed, quantity: hundredths(quantity), ..old.clone() };
                self.movements.push(Movement::adjustment(old, &new, Self::recorded()).expect("one currency"));
                let before = priced(price, scaled(old.quantity).expect("hundredths"), discount, tax);
                let code = new.price.net.currency();
                self.bills[place].billing = new;
                self.add(code, before, -1);
                self.add(code, priced(price, quantity, discount, tax), 1);
            }
            Step::Pay { bill, part } => {
                let Some(place) = self.owed(bill) else { return };
                let billing = &mut self.bills[place].billing;
                let amount = share(minor(billing.outstanding()), part);
                if amount <= 0 {
                    return;
                }
                let code = billing.price.net.currency();
                let amount = Money::new(Decimal::from_i128_with_scale(amount, code.digits()), code).expect("fits");
                self.movements.push(Movement::payment(billing, amount, PaymentMethod::Cash, Self::recorded()));
                billing.paid = billing.paid.plus(amount).expect("one currency");
                self.payments.push((place, amount, Money::zero(code)));
                self.add(code, Sums { paid: minor(amount), ..Sums::default() }, 1);
            }
            Step::Refund { payment, part } => {
                if self.payments.is_empty() {
                    return;
                }
                let place = payment % self.payments.len();
                let (bill, paid, refunded) = self.payments[place];
                let amount = share(minor(paid) - minor(refunded), part);
                if amount <= 0 {
                    return;
                }
                let code = paid.currency();
                let amount = Money::new(Decimal::from_i128_with_scale(amount, code.digits()), code).expect("fits");
                let billing = &mut self.bills[bill].billing;
                let there = Movement::payment(billing, amount, PaymentMethod::Cash, Self::recorded());
                let back = there.postings.iter().map(|(account, amount)| (*account, amount.negated())).collect();
                self.movements.push(Movement { kind: LedgerKind::Refund, postings: back, ..there });
                billing.refunded = billing.refunded.plus(amount).expect("one currency");
                self.payments[place].2 = refunded.plus(amount).expect("one currency");
                self.add(code, Sums { refunded: minor(amount), ..Sums::default() }, 1);
            }
            Step::Void { bill } => {
                let Some(place) = self.owed(bill) else { return };
                let Bill { billing, price, discount, tax } = &mut self.bills[place];
                if billing.paid != billing.refunded {
                    return;
                }
                self.movements.push(Movement::void(billing, "a test", Self::recorded()));
                billing.status = ChargeItemStatus::EnteredInError;
                let before = priced(*price, scaled(billing.quantity).expect("hundredths"), *discount, *tax);
                let code = billing.price.net.currency();
                self.add(code, before, -1);
            }
        }
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
    fn sums(&self) -> HashMap<&'static str, Sums> {
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

fn billing(unit_price: Money, quantity: Decimal, price: Price) -> Billing {
    let nothing = Money::zero(unit_price.currency());
    Billing {
        id: Uuid::now_v7(),
        patient_id: Uuid::nil(),
        report_id: None,
        image_id: None,
        appointment_id: None,
        invoice_id: None,
        service_item_id: None,
        code: None,
        description: "a test".to_owned(),
        quantity,
        unit_price,
        price,
        paid: nothing,
        refunded: nothing,
        status: ChargeItemStatus::Billable,
        serviced_at: Utc::now(),
        created_at: Utc::now(),
        created_by: Uuid::nil(),
        version: 1,
    }
}

#[test]
fn the_books_balance_after_each_of_a_hundred_thousand_random_sequences() {
    let config = ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() };
    let steps = prop::collection::vec(step(), 1..10);
    let ran = TestRunner::new(config).run(&steps, |steps| {
        let mut books = Books::default();
        for step in &steps {
            books.take(step);
        }
        prop_assert_eq!(
            books.sums().into_iter().filter(|(_, sums)| *sums != Sums::default()).collect::<HashMap<_, _>>(),
            books
                .expected
                .iter()
                .filter(|(_, sums)| **sums != Sums::default())
                .map(|(code, sums)| (*code, *sums))
                .collect()
        );
        for Bill { billing, .. } in &books.bills {
            prop_assert!(!billing.outstanding().is_negative(), "{:?}", billing);
            prop_assert!(!billing.price.net.is_negative() && minor(billing.refunded) <= minor(billing.paid));
        }
        Ok(())
    });
    ran.expect("the books balance");
}

/// The same through the program and its database, for fewer sequences.
#[tokio::test]
async fn the_database_comes_to_the_same_totals_after_random_sequences() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let steps = prop::collection::vec(step(), 4..12).new_tree(&mut runner).expect("steps").current();
        let (patient, mut books, mut ids, mut payments) = (Uuid::now_v7(), Books::default(), Vec::new(), Vec::new());
        for step in &steps {
            let movements = books.movements.len();
            books.take(step);
            if books.movements.len() == movements {
                continue;
            }
            let moved = books.movements.last().expect("one").clone();
            let amount =
                json!({ "amount": moved.amount.amount().to_string(), "currency": moved.amount.currency().as_str() });
            let key = Uuid::new_v4();
            let ask = async |query: &str, input: Value| clerk.data(query, json!({ "input": input })).await;
            match step {
                Step::Charge { currency, price, quantity, discount, tax } => {
                    let code: CurrencyCode = CURRENCIES[*currency].parse().expect("a currency");
                    let input = json!({ "patientId": patient, "description": "a test", "idempotencyKey": key,
                        "quantity": hundredths(*quantity).to_string(),
                        "unitPrice": { "amount": Decimal::new(*price, code.digits()).to_string(), "currency": code.as_str() },
                        "components": [{ "type": "DISCOUNT", "factor": hundredths(*discount).to_string() },
                                       { "type": "TAX", "factor": hundredths(*tax).to_string() }] });
                    let made = ask(ADD, input).await["addBilling"].clone();
                    ids.push((made["billing"]["id"].clone(), made["billing"]["version"].as_i64().expect("a version")));
                }
                Step::Change { bill, quantity } => {
                    let place = bill % ids.len();
                    let input = json!({ "billingId": ids[place].0, "expectedVersion": ids[place].1,
                        "quantity": hundredths(*quantity).to_string() });
                    let update = "mutation ($input: UpdateBillingInput!) { updateBilling(input: $input) { userErrors { code } } }";
                    assert_eq!(ask(update, input).await["updateBilling"]["userErrors"], json!([]));
                    ids[place].1 += 1;
                }
                Step::Pay { bill, .. } => {
                    let input = json!({ "billingId": ids[bill % ids.len()].0, "amount": amount, "method": "CASH", "idempotencyKey": key });
                    let paid = ask(PAY, input).await["payBilling"].clone();
                    payments.push(paid["entry"]["id"].clone());
                    assert!(payments.last().is_some_and(Value::is_string), "{paid}");
                }
                Step::Refund { payment, .. } => {
                    let input = json!({ "paymentId": payments[payment % payments.len()], "amount": amount, "reason": "a test", "idempotencyKey": key });
                    let refund = "mutation ($input: RefundPaymentInput!) { refundPayment(input: $input) { userErrors { code } } }";
                    assert_eq!(ask(refund, input).await["refundPayment"]["userErrors"], json!([]));
                }
                Step::Void { bill } => {
                    let place = bill % ids.len();
                    let input =
                        json!({ "billingId": ids[place].0, "expectedVersion": ids[place].1, "reason": "a test" });
                    let void =
                        "mutation ($input: VoidBillingInput!) { voidBilling(input: $input) { userErrors { code } } }";
                    assert_eq!(ask(void, input).await["voidBilling"]["userErrors"], json!([]));
                }
            }
        }
        let totals =
            clerk.entities("Patient", &[patient], TOTAL).await.body["data"]["_entities"][0]["totalCost"]["byCurrency"]
                .clone();
        for total in totals.as_array().expect("totals") {
            let code: CurrencyCode = total["currency"].as_str().expect("a code").parse().expect("a currency");
            let amount = |field: &str| {
                let text = total[field]["amount"].as_str().expect("an amount");
                minor(Money::new(text.parse().expect("a number"), code).expect("fits"))
            };
            let found = Sums {
                charged: amount("charged"),
                discounts: amount("discounts"),
                tax: amount("tax"),
                paid: amount("paid"),
                refunded: amount("refunded"),
            };
            assert_eq!(found, books.expected[code.as_str()], "{steps:?}");
            assert_eq!(
                amount("outstanding"),
                found.charged - found.discounts + found.tax - found.paid + found.refunded
            );
        }
        assert_eq!(totals.as_array().map(Vec::len), Some(books.expected.len()));
    }
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
