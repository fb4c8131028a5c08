//! The steps through the program and its database.

use healthbridge_terms::{CurrencyCode, Money};
use healthbridge_testkit::Client;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    books::{Bill, Books, CURRENCIES, Step, Sums, hundredths, minor},
    setup::{ADD, PAY, TOTAL},
};

const UPDATE: &str = "mutation ($input: UpdateBillingInput!) { updateBilling(input: $input) { userErrors { code } } }";
const REFUND: &str = "mutation ($input: RefundPaymentInput!) { refundPayment(input: $input) { userErrors { code } } }";
const VOID: &str = "mutation ($input: VoidBillingInput!) { voidBilling(input: $input) { userErrors { code } } }";
const CREATE: &str = "mutation ($input: CreateInvoiceInput!) { createInvoice(input: $input) { invoice { id version } userErrors { code } } }";
const ISSUE: &str =
    "mutation ($input: IssueInvoiceInput!) { issueInvoice(input: $input) { invoice { version } userErrors { code } } }";
const CANCEL: &str = "mutation ($input: CancelInvoiceInput!) { cancelInvoice(input: $input) { userErrors { code } } }";
const PAY_INVOICE: &str =
    "mutation ($input: PayInvoiceInput!) { payInvoice(input: $input) { entry { id } userErrors { code } } }";

/// A patient's bills in the program, in the order in which they were made.
pub struct Program {
    clerk: Client,
    patient: Uuid,
    billings: Vec<Value>,
    /// Ids and versions.
    invoices: Vec<(Value, Value)>,
    payments: Vec<Value>,
}

impl Program {
    pub fn new(clerk: Client, patient: Uuid) -> Self {
        Self { clerk, patient, billings: Vec::new(), invoices: Vec::new(), payments: Vec::new() }
    }

    async fn ask(&self, query: &str, input: Value) -> Value {
        let answer = self.clerk.data(query, json!({ "input": input })).await;
        let payload = answer.as_object().and_then(|answer| answer.values().next()).expect("a payload").clone();
        assert_eq!(payload["userErrors"], json!([]), "{query} {input}");
        payload
    }

    async fn version(&self, billing: &Value) -> Value {
        let query = "query ($id: ID!) { billing(id: $id) { version } }";
        self.clerk.data(query, json!({ "id": billing })).await["billing"]["version"].clone()
    }

    /// Takes a step that the books have taken.
    pub async fn take(&mut self, step: &Step, books: &Books) {
        let key = Uuid::new_v4();
        let moved = books.movements.last().map(|movement| {
            let amount = movement.amount;
            json!({ "amount": amount.amount().to_string(), "currency": amount.currency().as_str() })
        });
        match step {
            Step::Charge { currency, price, quantity, discount, tax } => {
                let code: CurrencyCode = CURRENCIES[*currency].parse().expect("a currency");
                let input = json!({ "patientId": self.patient, "description": "a test", "idempotencyKey": key,
                    "quantity": hundredths(*quantity).to_string(),
                    "unitPrice": { "amount": Decimal::new(*price, code.digits()).to_string(), "currency": code.as_str() },
                    "components": [{ "type": "DISCOUNT", "factor": hundredths(*discount).to_string() },
                                   { "type": "TAX", "factor": hundredths(*tax).to_string() }] });
                self.billings.push(self.ask(ADD, input).await["billing"]["id"].clone());
            }
            Step::Change { bill, quantity } => {
                let billing = &self.billings[bill % self.billings.len()];
                let quantity = hundredths(*quantity).to_string();
                let version = self.version(billing).await;
                let input = json!({ "billingId": billing, "expectedVersion": version, "quantity": quantity });
                self.ask(UPDATE, input).await;
            }
            Step::Pay { bill, .. } => {
                let input = json!({ "billingId": self.billings[bill % self.billings.len()], "amount": moved,
                    "method": "CASH", "idempotencyKey": key });
                self.payments.push(self.ask(PAY, input).await["entry"]["id"].clone());
            }
            Step::Refund { payment, .. } => {
                let input = json!({ "paymentId": self.payments[payment % self.payments.len()], "amount": moved,
                    "reason": "a test", "idempotencyKey": key });
                self.ask(REFUND, input).await;
            }
            Step::Void { bill } => {
                let billing = &self.billings[bill % self.billings.len()];
                let version = self.version(billing).await;
                self.ask(VOID, json!({ "billingId": billing, "expectedVersion": version, "reason": "a test" })).await;
            }
            Step::Invoice { .. } => {
                let lines = books.invoices.last().cloned().flatten().expect("an invoice");
                let lines: Vec<&Value> = lines.iter().map(|place| &self.billings[*place]).collect();
                let input = json!({ "patientId": self.patient, "billingIds": lines, "idempotencyKey": key });
                let draft = self.ask(CREATE, input).await["invoice"].clone();
                let input = json!({ "invoiceId": draft["id"], "expectedVersion": draft["version"] });
                let issued = self.ask(ISSUE, input).await["invoice"]["version"].clone();
                self.invoices.push((draft["id"].clone(), issued));
            }
            Step::PayInvoice { invoice, .. } => {
                let input = json!({ "invoiceId": self.invoices[invoice % self.invoices.len()].0, "amount": moved,
                    "method": "CASH", "idempotencyKey": key });
                self.payments.push(self.ask(PAY_INVOICE, input).await["entry"]["id"].clone());
            }
            Step::Cancel { invoice } => {
                let (id, version) = &self.invoices[invoice % self.invoices.len()];
                self.ask(CANCEL, json!({ "invoiceId": id, "expectedVersion": version, "reason": "a test" })).await;
            }
        }
    }

    /// Each billing has what the books have.
    pub async fn assert_billings(&self, books: &Books, steps: &[Step]) {
        let query = "query ($id: ID!) { billing(id: $id) { status paid { amount } outstanding { amount } } }";
        for (id, Bill { billing, .. }) in self.billings.iter().zip(&books.bills) {
            let found = self.clerk.data(query, json!({ "id": id })).await["billing"].clone();
            let expected = json!({ "status": <&str>::from(billing.status),
                "paid": { "amount": billing.paid.amount().to_string() },
                "outstanding": { "amount": billing.outstanding().amount().to_string() } });
            assert_eq!(found, expected, "{steps:?}");
        }
    }

    /// The patient's totals are what the independent computation says.
    pub async fn assert_totals(&self, books: &Books, steps: &[Step]) {
        let found = self.clerk.entities("Patient", &[self.patient], TOTAL).await;
        let totals = found.body["data"]["_entities"][0]["totalCost"]["byCurrency"].clone();
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
            let owed = found.charged - found.discounts + found.tax - found.paid + found.refunded;
            assert_eq!(amount("outstanding"), owed);
        }
        assert_eq!(totals.as_array().map(Vec::len), Some(books.expected.len()));
    }
}
