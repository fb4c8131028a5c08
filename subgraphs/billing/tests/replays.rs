//! A mutation that is sent again with its key gives its first answer, whatever has become of the world since.

mod setup;

use healthbridge_billing::verify;
use healthbridge_rights::Role;
use healthbridge_testkit::Mutations;
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

#[tokio::test]
async fn every_change_of_money_is_answered_alike_after_its_checks_would_fail() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let runs = Mutations::of(&clerk).await;
    let send = async |mutation: &str, selection: &str, input: &Value| {
        runs.ask(&clerk, mutation, input.clone(), selection).await
    };
    let key = Uuid::new_v4;
    let patient = Uuid::now_v7();
    let item = json!({ "name": "CT", "validFrom": "2026-01-01", "prices": [{ "amount": "5", "currency": "EUR" }], "idempotencyKey": key() });
    let item = send("addServiceItem", "serviceItem { id }", &item).await["serviceItem"]["id"].clone();
    let [one, two, three, four] = [
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
        add(&clerk, patient, "1", "10", "EUR").await,
    ]
    .map(|billing| billing["id"].clone());
    let payment = json!({ "billingId": three, "method": "CASH", "idempotencyKey": key() });
    let payment = send("payBilling", "entry { id }", &payment).await["entry"]["id"].clone();
    let invoice = json!({ "patientId": patient, "billingIds": [four], "idempotencyKey": key() });
    let invoice = send("createInvoice", "invoice { id version }", &invoice).await["invoice"].clone();
    let issue = json!({ "invoiceId": invoice["id"], "expectedVersion": invoice["version"] });
    send("issueInvoice", "invoice { id }", &issue).await;
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
        let change = async {
            for (change, input) in then {
                send(change, "", &input).await;
            }
        };
        runs.assert_replays((&clerk, &clerk), mutation, input, selection, change).await;
    }
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
