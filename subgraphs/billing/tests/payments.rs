//! Money that moves: payments, refunds, changes and voids, over HTTP on a real database.

mod setup;

use std::collections::HashSet;

use healthbridge_billing::verify;
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{ADD, PAY, Setup, TOTAL, add, input, setup};
use uuid::Uuid;

const REFUND: &str = "mutation ($input: RefundPaymentInput!) { refundPayment(input: $input) {
    entry { id kind amount { amount } reverses { id } } billing { paid { amount } refunded { amount } outstanding { amount }
    paymentState } userErrors { code field } } }";
const VOID: &str = "mutation ($input: VoidBillingInput!) { voidBilling(input: $input) {
    billing { status outstanding { amount } version } userErrors { code field } } }";
const UPDATE: &str = "mutation ($input: UpdateBillingInput!) { updateBilling(input: $input) {
    billing { version net { amount } outstanding { amount } description } userErrors { code field } } }";

impl Setup {
    async fn refund(&self, payment: &Value, amount: Option<&str>) -> healthbridge_testkit::Answer {
        let mut input =
            json!({ "paymentId": payment["entry"]["id"], "reason": "a test", "idempotencyKey": Uuid::new_v4() });
        if let Some(amount) = amount {
            input["amount"] = json!({ "amount": amount, "currency": "EUR" });
        }
        self.as_role(Role::Clerk).ask(REFUND, json!({ "input": input })).await
    }

    async fn total(&self, patient: Uuid) -> Value {
        let answer = self.as_role(Role::Clerk).entities("Patient", &[patient], TOTAL).await;
        answer.body["data"]["_entities"][0]["totalCost"]["byCurrency"].clone()
    }

    async fn is_sound(&self) {
        assert_eq!(verify(&self.database.pool).await.expect("verified"), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_price_is_made_of_components_and_counts_in_the_total() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let mut input = input(patient, "3", "33.33", "EUR");
    input["components"] = json!([
        { "type": "SURCHARGE", "amount": "5" }, { "type": "DISCOUNT", "factor": "0.10" }, { "type": "TAX", "factor": "0.19" },
    ]);
    let id = clerk.data(ADD, json!({ "input": input })).await["addBilling"]["billing"]["id"].clone();
    let query = "query ($id: ID!) { billing(id: $id) { components { type factor amount { amount } } charged { amount }
        discounts { amount } tax { amount } net { amount } } }";
    let billing = clerk.data(query, json!({ "id": id })).await["billing"].clone();
    let amounts = ["charged", "discounts", "tax", "net"].map(|field| billing[field]["amount"].clone());
    assert_eq!(amounts, [json!("104.99"), json!("10.50"), json!("17.95"), json!("112.44")]);
    let component = |kind: &str, factor: Value, amount: &str| json!({ "type": kind, "factor": factor, "amount": { "amount": amount } });
    let expected = json!([
        component("BASE", Value::Null, "99.99"),
        component("SURCHARGE", Value::Null, "5.00"),
        component("DISCOUNT", json!("0.10"), "10.50"),
        component("TAX", json!("0.19"), "17.95"),
    ]);
    assert_eq!(billing["components"], expected);
    let total = setup.total(patient).await;
    let amounts = ["charged", "discounts", "tax", "net", "outstanding"].map(|field| total[0][field]["amount"].clone());
    assert_eq!(amounts, ["104.99", "10.50", "17.95", "112.44", "112.44"].map(|text| json!(text)));
    for (components, code) in [
        (json!([{ "type": "TAX" }]), "REQUIRED"),
        (json!([{ "type": "TAX", "factor": "0.1", "amount": "1" }]), "REQUIRED"),
        (json!([{ "type": "BASE", "amount": "1" }]), "NOT_ALLOWED"),
        (json!([{ "type": "DISCOUNT", "factor": "1.01" }]), "OUT_OF_RANGE"),
        (json!([{ "type": "TAX", "amount": "-1" }]), "OUT_OF_RANGE"),
        (json!([{ "type": "TAX", "amount": "0.001" }]), "OUT_OF_RANGE"),
    ] {
        let mut wrong = setup::input(patient, "1", "10", "EUR");
        wrong["components"] = components.clone();
        assert_eq!(clerk.ask(ADD, json!({ "input": wrong })).await.refusals("addBilling"), [code], "{components}");
    }
    setup.is_sound().await;
}

#[tokio::test]
async fn a_billing_is_paid_in_parts_and_at_last_what_is_outstanding_and_never_more() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let billing = add(&clerk, patient, "1", "10", "EUR").await;
    let part = setup.pay(&billing, "4", "EUR").await;
    assert_eq!(
        (&part["billing"]["outstanding"]["amount"], &part["billing"]["paymentState"]),
        (&json!("6.00"), &json!("PARTIALLY_PAID"))
    );
    let pay = async |amount: Value| {
        let mut input = json!({ "billingId": billing["id"], "method": "CASH", "reference": "R-1", "idempotencyKey": Uuid::new_v4() });
        if !amount.is_null() {
            input["amount"] = amount;
        }
        clerk.ask(PAY, json!({ "input": input })).await
    };
    let euros = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    assert_eq!(pay(euros("6.01")).await.refusals("payBilling"), ["AMOUNT_EXCEEDS_BALANCE"]);
    assert_eq!(pay(json!({ "amount": "6", "currency": "USD" })).await.refusals("payBilling"), ["CURRENCY_MISMATCH"]);
    assert_eq!(pay(euros("0")).await.refusals("payBilling"), ["OUT_OF_RANGE"]);
    assert_eq!(pay(euros("-1")).await.refusals("payBilling"), ["OUT_OF_RANGE"]);
    assert_eq!(pay(euros("0.001")).await.refusals("payBilling"), ["OUT_OF_RANGE"]);
    let rest = pay(Value::Null).await.body["data"]["payBilling"].clone();
    assert_eq!(
        (&rest["entry"]["amount"]["amount"], &rest["billing"]["paymentState"]),
        (&json!("6.00"), &json!("PAID"))
    );
    assert_eq!(pay(Value::Null).await.refusals("payBilling"), ["ALREADY_PAID"]);
    let total = setup.total(patient).await;
    assert_eq!((&total[0]["paid"]["amount"], &total[0]["outstanding"]["amount"]), (&json!("10.00"), &json!("0.00")));
    let ledger = "query ($id: ID!) { billing(id: $id) { ledger(first: 2) { nodes { kind amount { amount } reference } pageInfo { hasNextPage } } } }";
    let page = clerk.data(ledger, json!({ "id": billing["id"] })).await["billing"]["ledger"].clone();
    assert_eq!(page["nodes"][0], json!({ "kind": "PAYMENT", "amount": { "amount": "6.00" }, "reference": "R-1" }));
    assert_eq!(page["pageInfo"]["hasNextPage"], json!(true), "the charge follows");
    let own =
        setup.anonymous.with_token(setup.tokens.of_patient(patient)).ask(ledger, json!({ "id": billing["id"] })).await;
    assert_eq!((&own.body["data"]["billing"]["ledger"], own.codes()), (&Value::Null, vec!["FORBIDDEN".to_owned()]));
    setup.is_sound().await;
}

#[tokio::test]
async fn never_more_is_refunded_than_was_paid() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let billing = add(&clerk, patient, "1", "10", "EUR").await;
    let payment = setup.pay(&billing, "8", "EUR").await;
    assert_eq!(setup.refund(&payment, Some("8.01")).await.refusals("refundPayment"), ["AMOUNT_EXCEEDS_BALANCE"]);
    let first = setup.refund(&payment, Some("3")).await.body["data"]["refundPayment"].clone();
    assert_eq!(
        (&first["entry"]["kind"], &first["entry"]["reverses"]["id"]),
        (&json!("REFUND"), &payment["entry"]["id"])
    );
    assert_eq!(first["billing"]["paymentState"], json!("PARTIALLY_REFUNDED"));
    let rest = setup.refund(&payment, None).await.body["data"]["refundPayment"].clone();
    assert_eq!(
        (&rest["entry"]["amount"]["amount"], &rest["billing"]["outstanding"]["amount"]),
        (&json!("5.00"), &json!("10.00"))
    );
    assert_eq!(setup.refund(&payment, None).await.refusals("refundPayment"), ["AMOUNT_EXCEEDS_BALANCE"]);
    assert_eq!(setup.refund(&rest, None).await.refusals("refundPayment"), ["NOT_FOUND"], "a refund is no payment");
    let doctor = setup
        .as_role(Role::Admin)
        .ask(
            REFUND,
            json!({ "input": { "paymentId": payment["entry"]["id"], "reason": "x",
        "idempotencyKey": Uuid::new_v4() } }),
        )
        .await;
    assert_eq!(doctor.codes(), ["FORBIDDEN"]);
    setup.is_sound().await;
}

#[tokio::test]
async fn a_billing_changes_until_it_is_void_and_what_is_paid_stands_in_the_way() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let billing = add(&clerk, patient, "1", "10", "EUR").await;
    let update = async |version: i32, field: &str, value: Value| {
        let mut input = json!({ "billingId": billing["id"], "expectedVersion": version });
        input[field] = value;
        clerk.ask(UPDATE, json!({ "input": input })).await
    };
    let changed = update(1, "quantity", json!("2")).await.body["data"]["updateBilling"]["billing"].clone();
    assert_eq!((&changed["net"]["amount"], &changed["version"]), (&json!("20.00"), &json!(2)));
    assert_eq!(update(1, "quantity", json!("3")).await.refusals("updateBilling"), ["VERSION_CONFLICT"]);
    let dollars = json!({ "amount": "1", "currency": "USD" });
    assert_eq!(update(2, "unitPrice", dollars).await.refusals("updateBilling"), ["CURRENCY_MISMATCH"]);
    let payment = setup.pay(&billing, "15", "EUR").await;
    assert_eq!(update(2, "quantity", json!("1")).await.refusals("updateBilling"), ["AMOUNT_EXCEEDS_BALANCE"]);
    let void = async |version: i32| {
        let input = json!({ "billingId": billing["id"], "expectedVersion": version, "reason": "a mistake" });
        clerk.ask(VOID, json!({ "input": input })).await
    };
    assert_eq!(void(2).await.refusals("voidBilling"), ["ILLEGAL_TRANSITION"]);
    setup.refund(&payment, None).await;
    let voided = void(2).await.body["data"]["voidBilling"]["billing"].clone();
    assert_eq!((&voided["status"], &voided["outstanding"]["amount"]), (&json!("ENTERED_IN_ERROR"), &json!("0.00")));
    assert_eq!(void(3).await.refusals("voidBilling"), ["ILLEGAL_TRANSITION"]);
    assert_eq!(update(3, "quantity", json!("3")).await.refusals("updateBilling"), ["ILLEGAL_TRANSITION"]);
    let pay = json!({ "input": { "billingId": billing["id"], "method": "CASH", "idempotencyKey": Uuid::new_v4() } });
    assert_eq!(clerk.ask(PAY, pay).await.refusals("payBilling"), ["ILLEGAL_TRANSITION"]);
    let total = setup.total(patient).await;
    let amounts = ["charged", "net", "paid", "refunded", "outstanding"].map(|field| total[0][field]["amount"].clone());
    assert_eq!(amounts, ["0.00", "0.00", "15.00", "15.00", "0.00"].map(|text| json!(text)));
    assert_eq!(total[0]["itemCount"], json!(0));
    setup.is_sound().await;
}

#[tokio::test]
async fn sixty_four_clients_pay_a_bill_once_with_one_key_and_with_many() {
    let setup = setup().await;
    for one_key in [true, false] {
        let token = setup.tokens.of(Role::Clerk);
        let clerk = setup.anonymous.with_token(token);
        let patient = Uuid::now_v7();
        let billing = add(&clerk, patient, "1", "10", "EUR").await;
        let key = Uuid::new_v4();
        let payments: Vec<_> = (0..64)
            .map(|_| {
                let key = if one_key { key } else { Uuid::new_v4() };
                let input = json!({ "billingId": billing["id"], "method": "CARD", "idempotencyKey": key });
                let clerk = clerk.clone();
                tokio::spawn(async move { clerk.data(PAY, json!({ "input": input })).await["payBilling"].clone() })
            })
            .collect();
        let mut entries = HashSet::new();
        for payment in payments {
            let payment = payment.await.expect("answered");
            if let Some(id) = payment["entry"]["id"].as_str() {
                entries.insert(id.to_owned());
                continue;
            }
            let code = payment["userErrors"][0]["code"].as_str().expect("a code");
            assert!(["IDEMPOTENCY_IN_PROGRESS", "ALREADY_PAID"].contains(&code), "{payment}");
        }
        assert_eq!(entries.len(), 1);
        assert_eq!(setup.total(patient).await[0]["paid"]["amount"], json!("10.00"));
    }
    setup.is_sound().await;
}

#[tokio::test]
async fn a_row_of_the_ledger_that_is_changed_by_hand_is_found() {
    for change in [
        "UPDATE billing.posting SET amount = amount + 1 WHERE account = 'CASH'",
        "UPDATE billing.posting SET amount = amount * 2",
        "UPDATE billing.movement SET reference = 'x' WHERE kind = 'PAYMENT'",
        "UPDATE billing.movement SET recorded_by = patient_id WHERE kind = 'CHARGE'",
        "UPDATE billing.balance SET item_count = 7",
        "UPDATE billing.balance SET paid = paid + 1",
        "UPDATE billing.billing SET paid = paid + 1",
        "DELETE FROM billing.posting WHERE account = 'CASH'",
        "DELETE FROM billing.movement WHERE kind = 'PAYMENT'",
        "DELETE FROM billing.movement WHERE kind = 'CHARGE'",
        "UPDATE billing.movement SET place = 3 - place + 10",
        "UPDATE billing.balance SET movements = movements + 1",
    ] {
        let setup = setup().await;
        let billing = add(&setup.as_role(Role::Clerk), Uuid::now_v7(), "1", "10", "EUR").await;
        setup.pay(&billing, "4", "EUR").await;
        setup.is_sound().await;
        // As a superuser does who wants to get by the triggers.
        let mut connection = setup.database.pool.acquire().await.expect("a connection");
        for statement in ["SET session_replication_role = replica", change, "SET session_replication_role = DEFAULT"] {
            sqlx::query(statement).execute(&mut *connection).await.expect("changed");
        }
        drop(connection);
        let found = verify(&setup.database.pool).await.expect("verified");
        assert!(!found.is_empty(), "{change}");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_a_movement_that_does_not_balance() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let billing = add(&clerk, Uuid::now_v7(), "1", "10", "EUR").await;
    let write = async |sides: &str, kind: &str, amount: &str| {
        let statement = format!(
            "WITH one AS (SELECT gen_random_uuid() AS id),
                  posted AS (INSERT INTO billing.posting SELECT id, side.* FROM one, (VALUES {sides}) AS side RETURNING 1)
             SELECT id, (SELECT count(*) FROM posted) FROM one",
        );
        let mut transaction = setup.database.pool.begin().await.expect("a transaction");
        let written = async {
            let (id, _): (Uuid, i64) =
                sqlx::query_as(sqlx::AssertSqlSafe(statement)).fetch_one(&mut *transaction).await?;
            let movement = format!(
                "INSERT INTO billing.movement (id, kind, patient_id, currency, amount, method, recorded_by, recorded_at)
                 SELECT $1, '{kind}', patient_id, currency, {amount}, 'CASH', created_by, now() FROM billing.billing",
            );
            sqlx::query(sqlx::AssertSqlSafe(movement)).bind(id).execute(&mut *transaction).await
        };
        let written = written.await.map(drop);
        match written {
            Ok(()) => transaction.commit().await,
            Err(error) => Err(error),
        }
    };
    let id = billing["id"].as_str().expect("an id");
    let receivable = |amount: &str| format!("(2, 'RECEIVABLE', '{id}'::uuid, {amount})");
    let cash = |amount: &str| format!("(1, 'CASH', NULL::uuid, {amount}::numeric)");
    let sides = |one: &str, two: &str| format!("{}, {}", cash(one), receivable(two));
    assert!(write(&sides("5", "-4"), "PAYMENT", "5").await.is_err(), "the sides differ");
    assert!(write(&cash("5"), "PAYMENT", "5").await.is_err(), "one side");
    assert!(write(&sides("11", "-11"), "PAYMENT", "11").await.is_err(), "more than is owed");
    assert!(write(&sides("-1", "1"), "PAYMENT", "1").await.is_err(), "below nothing");
    assert!(write(&sides("5", "-5"), "PAYMENT", "5").await.is_ok());
    setup.is_sound().await;
}
