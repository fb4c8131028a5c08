//! Invoices and credit notes, over HTTP on a real database.

mod setup;

use std::collections::BTreeSet;

use healthbridge_billing::verify;
use healthbridge_rights::Role;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use setup::{add, setup};
use uuid::Uuid;

const FIELDS: &str =
    "{ id number kind status totalNet { amount } totalGross { amount } paid { amount } outstanding { amount }
    dueAt overdue version lines { id status } cancels { id } }";

async fn send(client: &Client, mutation: &str, input: Value) -> healthbridge_testkit::Answer {
    let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let payload = match mutation {
        "payInvoice" => format!("entry {{ id amount {{ amount }} }} invoice {FIELDS}"),
        "cancelInvoice" => format!("invoice {FIELDS} creditNote {FIELDS}"),
        _ => format!("invoice {FIELDS}"),
    };
    let query = format!(
        "mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {payload} userErrors {{ code field }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await
}

async fn done(client: &Client, mutation: &str, input: Value) -> Value {
    let answer = send(client, mutation, input).await;
    assert!(answer.codes().is_empty() && answer.refusals(mutation).is_empty(), "{mutation}: {}", answer.body);
    answer.body["data"][mutation].clone()
}

async fn create(client: &Client, patient: Uuid, billings: &[&Value]) -> Value {
    let ids: Vec<_> = billings.iter().map(|billing| billing["id"].clone()).collect();
    let input = json!({ "patientId": patient, "billingIds": ids, "idempotencyKey": Uuid::new_v4() });
    done(client, "createInvoice", input).await["invoice"].clone()
}

async fn issue(client: &Client, invoice: &Value) -> Value {
    let input = json!({ "invoiceId": invoice["id"], "expectedVersion": invoice["version"] });
    done(client, "issueInvoice", input).await["invoice"].clone()
}

#[tokio::test]
async fn an_invoice_goes_from_draft_to_balanced_over_several_payments() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let (one, two) = (add(&clerk, patient, "1", "10", "EUR").await, add(&clerk, patient, "1", "5", "EUR").await);
    let draft = create(&clerk, patient, &[&one, &two]).await;
    assert_eq!(
        (&draft["number"], &draft["status"], &draft["totalGross"]["amount"]),
        (&json!("DRAFT"), &json!("DRAFT"), &json!("15.00"))
    );
    let pay = |amount: Value| {
        let mut input =
            json!({ "invoiceId": draft["id"], "method": "BANK_TRANSFER", "idempotencyKey": Uuid::new_v4() });
        if !amount.is_null() {
            input["amount"] = json!({ "amount": amount, "currency": "EUR" });
        }
        input
    };
    assert_eq!(send(&clerk, "payInvoice", pay(Value::Null)).await.refusals("payInvoice"), ["ILLEGAL_TRANSITION"]);
    let issued = issue(&clerk, &draft).await;
    assert_eq!((&issued["status"], &issued["overdue"]), (&json!("ISSUED"), &json!(false)));
    assert!(issued["number"].as_str().is_some_and(|number| number.starts_with("INV-") && number.ends_with("-000001")));
    assert!(issued["lines"].as_array().is_some_and(|lines| lines.iter().all(|line| line["status"] == json!("BILLED"))));
    let part = done(&clerk, "payInvoice", pay(json!("12"))).await;
    assert_eq!(
        (&part["invoice"]["status"], &part["invoice"]["outstanding"]["amount"]),
        (&json!("ISSUED"), &json!("3.00"))
    );
    assert_eq!(send(&clerk, "payInvoice", pay(json!("3.01"))).await.refusals("payInvoice"), ["AMOUNT_EXCEEDS_BALANCE"]);
    let rest = done(&clerk, "payInvoice", pay(Value::Null)).await;
    assert_eq!((&rest["entry"]["amount"]["amount"], &rest["invoice"]["status"]), (&json!("3.00"), &json!("BALANCED")));
    assert_eq!(send(&clerk, "payInvoice", pay(Value::Null)).await.refusals("payInvoice"), ["ALREADY_PAID"]);
    // The first payment paid the first line and a part of the second: it goes back the other way round.
    let refund = "mutation ($input: RefundPaymentInput!) { refundPayment(input: $input) { userErrors { code } } }";
    let input = json!({ "paymentId": part["entry"]["id"], "amount": { "amount": "3", "currency": "EUR" }, "reason": "x", "idempotencyKey": Uuid::new_v4() });
    clerk.data(refund, json!({ "input": input })).await;
    let lines =
        "query ($id: ID!) { invoice(id: $id) { status outstanding { amount } lines { outstanding { amount } } } }";
    let invoice = clerk.data(lines, json!({ "id": draft["id"] })).await["invoice"].clone();
    assert_eq!(
        invoice,
        json!({ "status": "ISSUED", "outstanding": { "amount": "3.00" },
        "lines": [{ "outstanding": { "amount": "1.00" } }, { "outstanding": { "amount": "2.00" } }] })
    );
    let lists = "query ($p: InvoiceFilter) { invoices(filter: $p) { nodes { id } } }";
    for (filter, count) in [
        (json!({ "status": ["ISSUED"] }), 1),
        (json!({ "status": ["BALANCED", "DRAFT"] }), 0),
        (json!({ "dueBefore": "2999-01-01" }), 1),
        (json!({ "dueBefore": "2000-01-01" }), 0),
    ] {
        let found = clerk.data(lists, json!({ "p": filter })).await["invoices"]["nodes"].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{filter}");
    }
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_on_an_invoice_is_refused_by_line() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (euros, dollars) = (add(&clerk, patient, "1", "10", "EUR").await, add(&clerk, patient, "1", "5", "USD").await);
    let foreign = add(&clerk, other, "1", "5", "EUR").await;
    let try_on = async |ids: Value, due: Value| {
        let input = json!({ "patientId": patient, "billingIds": ids, "dueAt": due, "idempotencyKey": Uuid::new_v4() });
        let answer = send(&clerk, "createInvoice", input).await;
        let error = &answer.body["data"]["createInvoice"]["userErrors"][0];
        (
            error["code"].as_str().unwrap_or_default().to_owned(),
            error["field"].as_array().and_then(|path| path.last().cloned()),
        )
    };
    let refused = |code: &str, place: &str| (code.to_owned(), Some(json!(place)));
    assert_eq!(try_on(json!([]), Value::Null).await, refused("REQUIRED", "billingIds"));
    assert_eq!(try_on(json!([euros["id"], euros["id"]]), Value::Null).await, refused("ALREADY_EXISTS", "1"));
    assert_eq!(try_on(json!([euros["id"], dollars["id"]]), Value::Null).await, refused("CURRENCY_MISMATCH", "1"));
    assert_eq!(try_on(json!([foreign["id"]]), Value::Null).await, refused("NOT_FOUND", "0"));
    assert_eq!(try_on(json!([euros["id"]]), json!("2000-01-01")).await, refused("OUT_OF_RANGE", "dueAt"));
    create(&clerk, patient, &[&euros]).await;
    assert_eq!(try_on(json!([euros["id"]]), Value::Null).await, refused("ALREADY_EXISTS", "0"));
    let void = "mutation ($input: VoidBillingInput!) { voidBilling(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "billingId": euros["id"], "expectedVersion": 1, "reason": "x" } });
    assert_eq!(clerk.ask(void, input).await.refusals("voidBilling"), ["IMMUTABLE"]);
    for role in [Role::Doctor, Role::Nurse, Role::Auditor] {
        let input = json!({ "patientId": patient, "billingIds": [dollars["id"]], "idempotencyKey": Uuid::new_v4() });
        assert_eq!(send(&setup.as_role(role), "createInvoice", input).await.codes(), ["FORBIDDEN"]);
    }
}

#[tokio::test]
async fn an_issued_invoice_does_not_change_and_is_taken_back_by_a_credit_note() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let billing = add(&clerk, patient, "1", "10", "EUR").await;
    let issued = issue(&clerk, &create(&clerk, patient, &[&billing]).await).await;
    let update = "mutation ($input: UpdateBillingInput!) { updateBilling(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "billingId": billing["id"], "expectedVersion": 2, "quantity": "2" } });
    assert_eq!(clerk.ask(update, input).await.refusals("updateBilling"), ["IMMUTABLE"]);
    for change in ["due_at = due_at + 1", "total_gross = 1", "number = 'X'", "content = '[]'"] {
        let statement = format!("UPDATE billing.invoice SET {change}");
        assert!(sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&setup.database.pool).await.is_err(), "{change}");
    }
    setup.pay(&billing, "4", "EUR").await;
    let cancel = json!({ "invoiceId": issued["id"], "expectedVersion": issued["version"], "reason": "a mistake" });
    let cancelled = done(&clerk, "cancelInvoice", cancel.clone()).await;
    assert_eq!(
        (&cancelled["invoice"]["status"], &cancelled["invoice"]["outstanding"]["amount"]),
        (&json!("CANCELLED"), &json!("0.00"))
    );
    let note = &cancelled["creditNote"];
    assert_eq!(
        (&note["kind"], &note["cancels"]["id"], &note["totalGross"]["amount"]),
        (&json!("CREDIT_NOTE"), &issued["id"], &json!("-10.00"))
    );
    assert!(note["number"].as_str().is_some_and(|number| number.starts_with("CN-")));
    assert_eq!(send(&clerk, "cancelInvoice", cancel).await.refusals("cancelInvoice"), ["VERSION_CONFLICT"]);
    // The billing is owed as before, with what was paid, and goes on another invoice.
    let again = issue(&clerk, &create(&clerk, patient, &[&billing]).await).await;
    assert_eq!((&again["outstanding"]["amount"], &again["paid"]["amount"]), (&json!("6.00"), &json!("4.00")));
    assert!(again["number"].as_str().is_some_and(|number| number.ends_with("-000002")));
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let mine = own.entities("Patient", &[patient], "invoices { nodes { kind status } }").await;
    assert_eq!(mine.body["data"]["_entities"][0]["invoices"]["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}

#[tokio::test]
async fn sixty_four_invoices_issued_at_once_have_numbers_without_gap_or_double() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let mut drafts = Vec::new();
    for _ in 0..64 {
        let patient = Uuid::now_v7();
        let billing = add(&clerk, patient, "1", "1", "EUR").await;
        drafts.push(create(&clerk, patient, &[&billing]).await);
    }
    // Half of them twice: the second one is refused, and takes no number.
    let asked: Vec<_> = drafts
        .iter()
        .chain(drafts.iter().step_by(2))
        .map(|draft| {
            let (clerk, input) = (clerk.clone(), json!({ "invoiceId": draft["id"], "expectedVersion": 1 }));
            // More than are served at once: who is turned away comes again.
            tokio::spawn(async move {
                loop {
                    let answer = send(&clerk, "issueInvoice", input.clone()).await;
                    if answer.status != 503 {
                        return answer.body["data"]["issueInvoice"].clone();
                    }
                }
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for asked in asked {
        let issued = asked.await.expect("answered");
        match issued["invoice"]["number"].as_str() {
            Some(number) => assert!(
                numbers.insert(number.rsplit('-').next().and_then(|number| number.parse::<u32>().ok())),
                "{number} twice"
            ),
            None => assert_eq!(issued["userErrors"][0]["code"], json!("VERSION_CONFLICT")),
        }
    }
    assert_eq!(numbers, (1..=64).map(Some).collect());
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}

#[tokio::test]
async fn a_line_that_changes_while_its_invoice_is_issued_is_in_the_total_as_it_is_in_the_line() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let line = add(&clerk, patient, "1", "10", "EUR").await;
    let draft = create(&clerk, patient, &[&line]).await;
    // The line is held until both are there: who changes it waits first, and whoever issues its invoice behind.
    let mut held = setup.database.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM billing.billing FOR UPDATE").execute(&mut *held).await.expect("locked");
    let waiting = async |count: i64| {
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&setup.database.pool).await.expect("counted") < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let changing = tokio::spawn({
        let (clerk, line) = (clerk.clone(), line.clone());
        async move {
            let change =
                "mutation ($input: UpdateBillingInput!) { updateBilling(input: $input) { userErrors { code } } }";
            let input = json!({ "billingId": line["id"], "expectedVersion": line["version"],
                "unitPrice": { "amount": "12", "currency": "EUR" } });
            clerk.data(change, json!({ "input": input })).await
        }
    });
    waiting(1).await;
    let issuing = tokio::spawn({
        let (clerk, draft) = (clerk.clone(), draft.clone());
        async move { issue(&clerk, &draft).await }
    });
    waiting(2).await;
    held.commit().await.expect("let go");
    let changed = changing.await.expect("changed");
    assert_eq!(changed["updateBilling"]["userErrors"], json!([]));
    let issued = issuing.await.expect("issued");
    assert_eq!(issued["totalGross"]["amount"], json!("12.00"), "{issued}");
    let kept = "SELECT total_gross::text FROM billing.invoice";
    let kept = sqlx::query_scalar::<_, String>(kept).fetch_one(&setup.database.pool).await.expect("kept");
    assert!(kept.starts_with("12.00"), "{kept}");
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
