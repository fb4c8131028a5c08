//! The price list, over HTTP on a real database.

mod setup;

use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{ADD, setup};
use uuid::Uuid;

const ITEM: &str = "mutation ($input: AddServiceItemInput!) { addServiceItem(input: $input) {
    serviceItem { id version prices { amount currency } validFrom validTo } userErrors { code field } } }";
const RETIRE: &str = "mutation ($input: RetireServiceItemInput!) { retireServiceItem(input: $input) {
    serviceItem { version validTo } userErrors { code field } } }";

#[tokio::test]
async fn a_billing_takes_the_price_of_the_day_in_the_currency_that_is_named() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let item = json!({ "input": { "name": "CT of the chest", "code": { "system": "urn:cpt", "code": "71250" }, "validFrom": "2026-01-01",
        "prices": [{ "amount": "120", "currency": "USD" }, { "amount": "15000", "currency": "JPY" }], "idempotencyKey": Uuid::new_v4() } });
    let item = clerk.data(ITEM, item).await["addServiceItem"]["serviceItem"].clone();
    assert_eq!(item["prices"][1], json!({ "amount": "120.00", "currency": "USD" }));
    let add = async |change: Value| {
        let mut input = json!({ "patientId": Uuid::now_v7(), "serviceItemId": item["id"], "currency": "USD", "quantity": "2",
            "servicedAt": "2026-05-05T12:00:00Z", "idempotencyKey": Uuid::new_v4() });
        for (name, value) in change.as_object().expect("fields") {
            input[name] = value.clone();
        }
        clerk.ask(ADD, json!({ "input": input })).await
    };
    let made = add(json!({})).await.body["data"]["addBilling"]["billing"].clone();
    assert_eq!(made["net"], json!({ "amount": "240.00", "currency": "USD" }));
    let query = "query ($id: ID!) { billing(id: $id) { description code { code } } }";
    let billing = clerk.data(query, json!({ "id": made["id"] })).await["billing"].clone();
    assert_eq!(billing, json!({ "description": "CT of the chest", "code": { "code": "71250" } }));
    for (change, code) in [
        (json!({ "currency": null }), "CURRENCY_MISMATCH"),
        (json!({ "currency": "EUR" }), "CURRENCY_MISMATCH"),
        (json!({ "servicedAt": "2025-12-31T23:59:59Z" }), "OUT_OF_RANGE"),
        (json!({ "unitPrice": { "amount": "1", "currency": "USD" } }), "NOT_ALLOWED"),
        (json!({ "serviceItemId": Uuid::now_v7(), "description": "x" }), "NOT_FOUND"),
        (json!({ "serviceItemId": null, "description": "x" }), "REQUIRED"),
    ] {
        assert_eq!(add(change.clone()).await.refusals("addBilling"), [code], "{change}");
    }
    let retire = |version: i32, end: &str| json!({ "input": { "serviceItemId": item["id"], "expectedVersion": version, "validTo": end } });
    assert_eq!(clerk.ask(RETIRE, retire(1, "2025-01-01")).await.refusals("retireServiceItem"), ["OUT_OF_RANGE"]);
    let retired = clerk.data(RETIRE, retire(1, "2026-05-05")).await["retireServiceItem"]["serviceItem"].clone();
    assert_eq!(retired, json!({ "version": 2, "validTo": "2026-05-05" }));
    assert_eq!(clerk.ask(RETIRE, retire(1, "2026-05-05")).await.refusals("retireServiceItem"), ["VERSION_CONFLICT"]);
    assert_eq!(add(json!({})).await.refusals("addBilling"), ["OUT_OF_RANGE"], "it has ended that day");
    let list = "query ($filter: ServiceItemFilter) { serviceItems(filter: $filter) { nodes { name } } }";
    for (filter, count) in [
        (json!({ "search": "ct OF" }), 1),
        (json!({ "code": "71250", "validOn": "2026-05-04" }), 1),
        (json!({ "validOn": "2026-05-05" }), 0),
        (json!({ "search": "a\u{0}" }), 0),
    ] {
        let found =
            clerk.data(list, json!({ "filter": filter })).await["serviceItems"]["nodes"].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{filter}");
    }
    assert_eq!(setup.as_role(Role::Nurse).ask(list, Value::Null).await.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn a_service_without_a_proper_price_or_time_is_refused() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let money = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    for (field, value, code) in [
        ("prices", json!([]), "REQUIRED"),
        ("prices", json!([money("1", "EUR"), money("2", "EUR")]), "ALREADY_EXISTS"),
        ("prices", json!([money("0.5", "JPY")]), "OUT_OF_RANGE"),
        ("prices", json!([money("-1", "EUR")]), "OUT_OF_RANGE"),
        ("validTo", json!("2000-01-01"), "OUT_OF_RANGE"),
        ("name", json!(" "), "REQUIRED"),
    ] {
        let mut input = json!({ "name": "CT", "prices": [money("1", "EUR")], "idempotencyKey": Uuid::new_v4() });
        input[field] = value.clone();
        assert_eq!(
            clerk.ask(ITEM, json!({ "input": input })).await.refusals("addServiceItem"),
            [code],
            "{field} {value}"
        );
    }
    let left = clerk.data("{ serviceItems { nodes { id } } }", Value::Null).await;
    assert_eq!(left["serviceItems"]["nodes"], json!([]));
}
