//! A mutation that is sent again with its key gives its first answer, whatever has become of the world since.

mod setup;

use healthbridge_auth::Role;
use healthbridge_billing::verify;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use setup::{add, setup};
use uuid::Uuid;

struct Replay {
    mutation: &'static str,
    /// What of the answer stays as it is.
    selection: &'static str,
    input: Value,
    /// What makes the mutation impossible, with the answer's id where it says `ANSWER`.
    then: Vec<(&'static str, Value)>,
}

async fn send(client: &Client, mutation: &str, selection: &str, input: &Value) -> Value {
    let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code }} }} }}"
    );
    client.data(&query, json!({ "input": input })).await[mutation].clone()
}

#[tokio::test]
async fn every_change_of_money_is_answered_alike_after_its_checks_would_fail() {
    let setup = setup().await;
    let clerk = setup.anonymous.with_token(setup.tokens.of(Role::Clerk));
    let key = Uuid::new_v4;
    let patient = Uuid::now_v7();
    let item = json!({ "name": "CT", "validFrom": "2026-01-01", "prices": [{ "amount": "5", "currency": "EUR" }], "idempotencyKey": key() });
    let item = send(&clerk, "addServiceItem", "serviceItem { id }", &item).await["serviceItem"]["id"].clone();
    let [one, two, three, four] = [
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
    ]
    .map(|billing| billing["id"].clone());
    let payment = json!({ "billingId": three, "method": "CASH", "idempotencyKey": key() });
    let payment = send(&clerk, "payBilling", "entry { id }", &payment).await["entry"]["id"].clone();
    let invoice = json!({ "patientId": patient, "billingIds": [four], "idempotencyKey": key() });
    let invoice = send(&clerk, "createInvoice", "invoice { id version }", &invoice).await["invoice"].clone();
    let issue = json!({ "invoiceId": invoice["id"], "expectedVersion": invoice["version"] });
    send(&clerk, "issueInvoice", "invoice { id }", &issue).await;
    let replays = [
        Replay {
            mutation: "addBilling",
            selection: "billing { id net { amount } }",
            input: json!({ "patientId": patient, "serviceItemId": item, "idempotencyKey": key() }),
            then: vec![(
                "retireServiceItem",
                json!({ "serviceItemId": item, "expectedVersion": 1, "validTo": "2026-01-01" }),
            )],
        },
        Replay {
            mutation: "createInvoice",
            selection: "invoice { id totalGross { amount } }",
            input: json!({ "patientId": patient, "billingIds": [two], "idempotencyKey": key() }),
            // The line is on an invoice by the mutation itself.
            then: vec![],
        },
        Replay {
            mutation: "payBilling",
            selection: "entry { id amount { amount } }",
            input: json!({ "billingId": one, "amount": { "amount": "6", "currency": "EUR" }, "method": "CARD", "idempotencyKey": key() }),
            then: vec![("payBilling", json!({ "billingId": one, "method": "CARD", "idempotencyKey": key() }))],
        },
        Replay {
            mutation: "payInvoice",
            selection: "entry { id amount { amount } }",
            input: json!({ "invoiceId": invoice["id"], "method": "CARD", "idempotencyKey": key() }),
            then: vec![],
        },
        Replay {
            mutation: "refundPayment",
            selection: "entry { id amount { amount } }",
            input: json!({ "paymentId": payment, "reason": "a test", "idempotencyKey": key() }),
            then: vec![],
        },
    ];
    for replay in replays {
        let Replay { mutation, selection, input, then } = replay;
        let first = send(&clerk, mutation, selection, &input).await;
        assert_eq!(first["userErrors"], json!([]), "{mutation}");
        for (change, input) in then {
            assert_eq!(send(&clerk, change, "", &input).await["userErrors"], json!([]), "{mutation}: {change}");
        }
        let mut anew = input.clone();
        anew["idempotencyKey"] = json!(key());
        let refused = send(&clerk, mutation, selection, &anew).await;
        assert_ne!(refused["userErrors"], json!([]), "{mutation}: the world has changed");
        assert_eq!(send(&clerk, mutation, selection, &input).await, first, "{mutation}");
    }
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
