//! A payment when everything is killed between any two of its statements.

mod stack;

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use stack::{PROGRAM, Stack, patients};
use uuid::Uuid;

const PAY: &str = "mutation ($input: PayBillingInput!) { payBilling(input: $input) {
    entry { id } billing { paid { amount } } userErrors { code } } }";

/// The places between the statements of a payment, as the program names them.
const PLACES: [&str; 4] =
    ["payment: key claimed", "payment: billing locked", "payment: movement written", "payment: committed"];

#[tokio::test]
async fn a_payment_that_is_killed_anywhere_is_made_whole_or_not_at_all_and_its_key_gives_one_answer() {
    let mut stack = Stack::start();
    let clerk = stack.sign_in("clerk").await;
    let patient = patients(&clerk, 1).await.remove(0);
    for place in PLACES {
        let add = "mutation ($input: AddBillingInput!) { addBilling(input: $input) { billing { id } } }";
        let input = json!({ "patientId": patient, "description": "CT", "idempotencyKey": Uuid::new_v4(),
            "unitPrice": { "amount": "10", "currency": "EUR" } });
        let billing = stack.sign_in("clerk").await.data(add, json!({ "input": input })).await["addBilling"]["billing"]
            ["id"]
            .clone();
        stack.signal("TERM");
        stack.stop_at = Some(place);
        stack.restart();
        let clerk = stack.sign_in("clerk").await;
        let input = json!({ "input": { "billingId": billing, "method": "CARD", "idempotencyKey": Uuid::new_v4() } });
        let (asked, paying) = (clerk.clone(), input.clone());
        let payment = tokio::spawn(async move { asked.try_ask(PAY, paying).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!payment.is_finished(), "{place}: the payment has stopped there");
        stack.kill_tree();
        assert!(payment.await.expect("ended").is_err(), "{place}: nobody got an answer");
        stack.stop_at = None;
        stack.restart();
        let clerk = stack.sign_in("clerk").await;
        let paid = "query ($id: ID!) { billing(id: $id) { paid { amount } ledger { nodes { kind } } } }";
        let found = clerk.data(paid, json!({ "id": billing })).await["billing"].clone();
        let payments = found["ledger"]["nodes"]
            .as_array()
            .expect("movements")
            .iter()
            .filter(|one| one["kind"] == json!("PAYMENT"))
            .count();
        let expected = if place == "payment: committed" { (json!("10.00"), 1) } else { (json!("0.00"), 0) };
        assert_eq!((found["paid"]["amount"].clone(), payments), expected, "{place}");
        let first = clerk.data(PAY, input.clone()).await["payBilling"].clone();
        let second = clerk.data(PAY, input).await["payBilling"].clone();
        assert!(first["entry"]["id"].is_string() && first == second, "{place}: {first} {second}");
        assert_eq!(first["billing"]["paid"]["amount"], json!("10.00"), "{place}");
    }
    let mut verify = Command::new(PROGRAM);
    let output = verify.args(["billing", "verify", "--data-dir"]).arg(&stack.data_dir).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(
        Value::from(String::from_utf8_lossy(&output.stdout).trim()),
        json!("the ledger, the balances and the billings agree")
    );
}
