//! Payments and refunds when everything is killed between any two of their statements.

mod stack;

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, patients};
use uuid::Uuid;

/// The places between the statements of each, as the program names them.
const PLACES: [&str; 5] = ["key claimed", "locked", "postings written", "movement written", "committed"];
const OPERATIONS: [&str; 3] = ["payBilling", "payInvoice", "refundPayment"];

/// Something that moves money of one billing, once.
struct Move {
    operation: &'static str,
    place: &'static str,
    billing: Value,
    input: Value,
}

impl Move {
    async fn prepare(clerk: &Client, patient: &Value, operation: &'static str, place: &'static str) -> Self {
        let key = Uuid::new_v4;
        let add = json!({ "patientId": patient, "description": "CT", "idempotencyKey": key(),
            "unitPrice": { "amount": "10", "currency": "EUR" } });
        let billing = change(clerk, "addBilling", "billing { id }", add).await["billing"]["id"].clone();
        let input = match operation {
            "payBilling" => json!({ "billingId": billing, "method": "CARD", "idempotencyKey": key() }),
            "payInvoice" => {
                let draft = json!({ "patientId": patient, "billingIds": [billing], "idempotencyKey": key() });
                let invoice = change(clerk, "createInvoice", "invoice { id version }", draft).await["invoice"].clone();
                let issue = json!({ "invoiceId": invoice["id"], "expectedVersion": invoice["version"] });
                change(clerk, "issueInvoice", "invoice { id }", issue).await;
                json!({ "invoiceId": invoice["id"], "method": "CARD", "idempotencyKey": key() })
            }
            _ => {
                let pay = json!({ "billingId": billing, "method": "CARD", "idempotencyKey": key() });
                let payment = change(clerk, "payBilling", "entry { id }", pay).await["entry"]["id"].clone();
                json!({ "paymentId": payment, "reason": "a test", "idempotencyKey": key() })
            }
        };
        Self { operation, place, billing, input }
    }

    fn query(&self) -> String {
        query(self.operation, "entry { id kind } billing { paid { amount } }")
    }

    /// What the billing's ledger has of this operation, and what is kept of the payments.
    async fn found(&self, clerk: &Client) -> (usize, Value) {
        let query = "query ($id: ID!) { billing(id: $id) { outstanding { amount } ledger { nodes { kind } } } }";
        let found = clerk.data(query, json!({ "id": self.billing })).await["billing"].clone();
        let kind = if self.operation == "refundPayment" { "REFUND" } else { "PAYMENT" };
        let nodes = found["ledger"]["nodes"].as_array().expect("movements").clone();
        (nodes.iter().filter(|one| one["kind"] == json!(kind)).count(), found["outstanding"]["amount"].clone())
    }

    /// What there must be, before and after it is done.
    fn expected(&self, is_done: bool) -> (usize, Value) {
        let is_paid = is_done != (self.operation == "refundPayment");
        (usize::from(is_done), json!(if is_paid { "0.00" } else { "10.00" }))
    }
}

fn query(operation: &str, selection: &str) -> String {
    let name = format!("{}{}", operation[..1].to_uppercase(), &operation[1..]);
    format!(
        "mutation ($input: {name}Input!) {{ {operation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    )
}

async fn change(client: &Client, operation: &str, selection: &str, input: Value) -> Value {
    let data = client.data(&query(operation, selection), json!({ "input": input })).await;
    assert_eq!(data[operation]["userErrors"], json!([]), "{operation}");
    data[operation].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_moved_while_all_is_killed_anywhere_moves_whole_or_not_at_all_and_a_key_has_one_answer() {
    let mut stack = Stack::start();
    let clerk = stack.sign_in("clerk").await;
    let patient = patients(&clerk, 1).await.remove(0);
    let mut moves = Vec::new();
    // One operation after the other: whoever is repeated does not come to the place where the next one stops.
    for place in PLACES {
        for operation in OPERATIONS {
            moves.push(Move::prepare(&clerk, &patient, operation, place).await);
        }
    }
    stack.signal("TERM");
    let mut before: Option<&Move> = None;
    for one in &moves {
        let stop = format!("{}: {}", one.operation, one.place);
        stack.stop_at = Some(stop.clone());
        stack.restart();
        let clerk = stack.sign_in("clerk").await;
        if let Some(before) = before {
            assert_repeated(before, &clerk).await;
        }
        let (asked, query, input) = (clerk.clone(), one.query(), json!({ "input": one.input }));
        let moving = tokio::spawn(async move { asked.try_ask(&query, input).await });
        tokio::task::block_in_place(|| stack.wait_for(&format!("stopped at {stop}")));
        stack.kill_tree();
        // The router may be the last to die: then it says that billing is gone.
        if let Ok(answer) = moving.await.expect("ended") {
            assert!(answer.body["data"][one.operation].is_null(), "{stop}: nobody got an answer: {}", answer.body);
        }
        before = Some(one);
    }
    stack.stop_at = None;
    stack.restart();
    let clerk = stack.sign_in("clerk").await;
    assert_repeated(moves.last().expect("some"), &clerk).await;
    assert_eq!(stack.verify_billing(), "the ledger, the balances and the billings agree\n");
}

/// After the kill it is there whole or not at all; with its key it is done once, and answered alike.
async fn assert_repeated(one: &Move, clerk: &Client) {
    let at = format!("{}: {}", one.operation, one.place);
    assert_eq!(one.found(clerk).await, one.expected(one.place == "committed"), "{at}");
    let selection = "entry { id kind } billing { paid { amount } }";
    let first = change(clerk, one.operation, selection, one.input.clone()).await;
    let second = change(clerk, one.operation, selection, one.input.clone()).await;
    assert!(first["entry"]["id"].is_string() && first == second, "{at}: {first} {second}");
    assert_eq!(one.found(clerk).await, one.expected(true), "{at}");
}
