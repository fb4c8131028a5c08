//! Every mutation on a pool of one connection: whoever holds a connection and asks for a second one gets none, and fails.
//! And each first answer is what every later one is.

mod setup;

use healthbridge_billing::verify;
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, Mutations, TestDatabase};
use serde_json::{Value, json};
use setup::setup_by;
use uuid::Uuid;

const BILLING: &str = "billing { id version status servicedAt createdAt }";
const INVOICE: &str = "invoice { id version status issuedAt dueAt }";

async fn later(client: &Client, selection: &str, id: &Value) -> Value {
    let selection = selection.replacen(" {", "(id: $id) {", 1);
    client.data(&format!("query ($id: ID!) {{ {selection} }}"), json!({ "id": id })).await
}

#[tokio::test]
async fn every_mutation_runs_on_one_connection_and_its_first_answer_is_the_last() {
    let setup = setup_by(TestDatabase::only_connection).await;
    let (clerk, auditor) = (setup.as_role(Role::Clerk), setup.as_role(Role::Auditor));
    let mut runs = Mutations::of(&clerk).await;
    let (patient, key) = (Uuid::now_v7(), Uuid::new_v4);
    let item = json!({ "name": "CT", "prices": [{ "amount": "100", "currency": "EUR" }], "validFrom": "2026-01-01",
        "idempotencyKey": key() });
    let item = runs.run_twice(&clerk, "addServiceItem", item, "serviceItem { id version validFrom validTo }").await;
    let add = |at: Value| {
        json!({ "patientId": patient, "serviceItemId": item["serviceItem"]["id"], "servicedAt": at,
        "idempotencyKey": key() })
    };
    let mut billings = Vec::new();
    for at in [json!(null), json!("2026-02-01T00:00:00.123456789Z"), json!(null), json!(null)] {
        let made = runs.run_twice(&clerk, "addBilling", add(at), BILLING).await;
        assert_eq!(later(&clerk, BILLING, &made["billing"]["id"]).await["billing"], made["billing"]);
        billings.push(made["billing"]["id"].clone());
    }
    let change = json!({ "billingId": billings[0], "expectedVersion": 1, "quantity": "2",
        "servicedAt": "2026-02-01T00:00:00.987654321Z" });
    let changed = runs.run(&clerk, "updateBilling", change, BILLING).await;
    assert_eq!(later(&clerk, BILLING, &billings[0]).await["billing"], changed["billing"]);
    let void = json!({ "billingId": billings[3], "expectedVersion": 1, "reason": "a test" });
    runs.run(&clerk, "voidBilling", void, "billing { id }").await;
    let pay = json!({ "billingId": billings[0], "method": "CARD", "idempotencyKey": key() });
    let paid = runs.run_twice(&clerk, "payBilling", pay, "entry { id recordedAt }").await;
    let entry = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on LedgerEntry { id recordedAt } } }";
    let representation = json!([{ "__typename": "LedgerEntry", "id": paid["entry"]["id"] }]);
    let found = clerk.data(entry, json!({ "r": representation })).await;
    assert_eq!(found["_entities"][0], paid["entry"]);
    let refund = json!({ "paymentId": paid["entry"]["id"], "reason": "a test", "idempotencyKey": key() });
    runs.run_twice(&clerk, "refundPayment", refund, "entry { id recordedAt }").await;
    for (place, is_paid) in [(1, true), (2, false)] {
        let draft = json!({ "patientId": patient, "billingIds": [billings[place]], "idempotencyKey": key() });
        let draft = runs.run_twice(&clerk, "createInvoice", draft, INVOICE).await["invoice"].clone();
        let issue = json!({ "invoiceId": draft["id"], "expectedVersion": draft["version"] });
        let issued = runs.run(&clerk, "issueInvoice", issue, INVOICE).await["invoice"].clone();
        assert_eq!(later(&clerk, INVOICE, &draft["id"]).await["invoice"], issued);
        if is_paid {
            let pay = json!({ "invoiceId": draft["id"], "method": "CARD", "idempotencyKey": key() });
            runs.run_twice(&clerk, "payInvoice", pay, "entry { id recordedAt }").await;
        } else {
            let cancel = json!({ "invoiceId": draft["id"], "expectedVersion": issued["version"], "reason": "a test" });
            runs.run(&clerk, "cancelInvoice", cancel, INVOICE).await;
        }
    }
    let retire = json!({ "serviceItemId": item["serviceItem"]["id"], "expectedVersion": 1 });
    runs.run(&clerk, "retireServiceItem", retire, "serviceItem { id }").await;
    let period = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z" });
    runs.run(&auditor, "exportLedger", period, "export { id from to }").await;
    runs.assert_all();
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
