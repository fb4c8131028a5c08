//! The billing subgraph over HTTP on a real database.

mod setup;

use healthbridge_billing::verify;
use healthbridge_rights::Role;
use healthbridge_testkit::{StatementCount, assert_alike, forged};
use serde_json::{Value, json};
use setup::{ADD, TOTAL, add, input, setup};
use uuid::Uuid;

#[tokio::test]
async fn a_billing_counts_at_once_and_two_currencies_are_never_added() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let first = add(&clerk, patient, "3", "0.10", "USD").await;
    assert_eq!(first["net"], json!({ "amount": "0.30", "currency": "USD" }));
    assert_eq!((&first["status"], &first["paymentState"]), (&json!("BILLABLE"), &json!("UNPAID")));
    add(&clerk, patient, "1", "1000", "JPY").await;
    add(&clerk, patient, "0.5", "0.005", "KWD").await;
    setup.pay(&first, "0.1", "USD").await;
    let total = clerk.entities("Patient", &[patient], TOTAL).await;
    let line = |currency: &str, net: &str, paid: &str, outstanding: &str, zero: &str| {
        json!({
            "currency": currency, "charged": { "amount": net }, "discounts": { "amount": zero },
            "tax": { "amount": zero }, "net": { "amount": net }, "paid": { "amount": paid },
            "refunded": { "amount": zero }, "outstanding": { "amount": outstanding }, "itemCount": 1,
        })
    };
    let expected = json!([
        line("JPY", "1000", "0", "1000", "0"),
        line("KWD", "0.002", "0.000", "0.002", "0.000"),
        line("USD", "0.30", "0.10", "0.20", "0.00"),
    ]);
    assert_eq!(total.body["data"]["_entities"][0]["totalCost"]["byCurrency"], expected);
    let query = "query ($id: ID!) { billing(id: $id) { paid { amount } outstanding { amount } paymentState } }";
    let billing = clerk.data(query, json!({ "id": first["id"] })).await;
    let expected =
        json!({ "paid": { "amount": "0.10" }, "outstanding": { "amount": "0.20" }, "paymentState": "PARTIALLY_PAID" });
    assert_eq!(billing["billing"], expected);
}

#[tokio::test]
async fn wrong_amounts_are_refused_with_a_code_and_nothing_is_stored() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patient = Uuid::now_v7();
    let cases = [
        ("1", "5.5", "JPY", "OUT_OF_RANGE"),
        ("0", "1", "USD", "OUT_OF_RANGE"),
        ("-1", "1", "USD", "OUT_OF_RANGE"),
        ("1.00001", "1", "USD", "OUT_OF_RANGE"),
        ("1", "-1", "USD", "OUT_OF_RANGE"),
        ("1", "9999999999999999", "USD", "OUT_OF_RANGE"),
    ];
    for (quantity, amount, currency, code) in cases {
        let answer = clerk.ask(ADD, json!({ "input": input(patient, quantity, amount, currency) })).await;
        let refusals = answer.refusals("addBilling");
        assert!(
            !refusals.is_empty() && refusals.iter().all(|found| found == code),
            "{quantity} {amount}: {}",
            answer.body
        );
    }
    for (amount, currency) in [
        (json!("1"), json!("usd")),
        (json!(0.1), json!("USD")),
        (json!("1e3"), json!("USD")),
        (json!(""), json!("USD")),
    ] {
        let mut input = input(patient, "1", "1", "USD");
        input["unitPrice"] = json!({ "amount": amount, "currency": currency });
        let answer = clerk.ask(ADD, json!({ "input": input })).await;
        assert!(answer.body["data"].is_null() || answer.body["data"]["addBilling"].is_null(), "{}", answer.body);
        assert!(!answer.codes().is_empty());
    }
    assert_eq!(clerk.data("{ billings { nodes { id } } }", Value::Null).await["billings"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_billing_sent_by_more_clients_at_once_than_there_are_connections_is_made_once() {
    let setup = setup().await;
    let token = setup.tokens.of(Role::Clerk);
    let clerk = setup.anonymous.with_token(token);
    let patient = Uuid::now_v7();
    let mut input = input(patient, "1", "9.90", "EUR");
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (clerk, input) = (clerk.clone(), input.clone());
            tokio::spawn(async move { clerk.data(ADD, json!({ "input": input })).await["addBilling"].clone() })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.expect("answered"));
    }
    // Whoever came before the first one had ended is told so, and sends again.
    let is_early = |answer: &Value| answer["userErrors"][0]["code"] == json!("IDEMPOTENCY_IN_PROGRESS");
    let again = clerk.data(ADD, json!({ "input": input })).await["addBilling"]["billing"]["id"].clone();
    assert!(again.is_string());
    assert!(answers.iter().all(|answer| is_early(answer) || answer["billing"]["id"] == again), "{answers:?}");
    input["quantity"] = json!("2");
    assert_eq!(clerk.ask(ADD, json!({ "input": input })).await.refusals("addBilling"), ["IDEMPOTENCY_KEY_REUSED"]);
    assert_eq!(
        clerk.data("{ billings { nodes { id } } }", Value::Null).await["billings"]["nodes"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}

#[tokio::test]
async fn a_patient_sees_the_own_bills_and_those_without_the_right_see_none() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (own, foreign) = (Uuid::now_v7(), Uuid::now_v7());
    let (mine, theirs) = (add(&clerk, own, "1", "5", "EUR").await, add(&clerk, foreign, "1", "7", "EUR").await);
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let selection = "billings { nodes { id } } totalCost { byCurrency { itemCount } }";
    let seen = patient.entities("Patient", &[own, foreign, Uuid::now_v7()], selection).await;
    let nothing = json!({ "billings": { "nodes": [] }, "totalCost": { "byCurrency": [] } });
    let expected = json!([{ "billings": { "nodes": [{ "id": mine["id"] }] }, "totalCost": { "byCurrency": [{ "itemCount": 1 }] } }, nothing, nothing]);
    assert_eq!(seen.body["data"]["_entities"], expected);
    let query = "query ($id: ID!) { billing(id: $id) { id } }";
    let absent = patient.ask(query, json!({ "id": Uuid::now_v7() })).await;
    assert_eq!(patient.ask(query, json!({ "id": theirs["id"] })).await.body, absent.body);
    for role in [Role::Radiologist, Role::Nurse, Role::Technologist] {
        let answer = setup.as_role(role).entities("Patient", &[own], "id totalCost { asOf }").await;
        assert_eq!(answer.body["data"]["_entities"], json!([{ "id": own, "totalCost": null }]), "{role}");
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
    }
}

#[tokio::test]
async fn the_ledger_only_grows() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let billing = add(&clerk, Uuid::now_v7(), "1", "5", "EUR").await;
    setup.pay(&billing, "5", "EUR").await;
    for statement in
        ["UPDATE billing.movement SET amount = 1", "DELETE FROM billing.posting", "TRUNCATE billing.movement CASCADE"]
    {
        assert!(sqlx::query(statement).execute(&setup.database.pool).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_hundred_patients_totals_cost_as_many_statements_as_ones() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patients: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    for patient in &patients {
        add(&clerk, *patient, "1", "5", "EUR").await;
    }
    let selection = "totalCost { byCurrency { net { amount } } } billings(first: 5) { nodes { id paid { amount } } }";
    let (one, for_one) = count.during(clerk.entities("Patient", &patients[..1], selection)).await;
    let (all, for_all) = count.during(clerk.entities("Patient", &patients, selection)).await;
    let priced = |answer: &healthbridge_testkit::Answer| {
        let entities = answer.body["data"]["_entities"].as_array().cloned().unwrap_or_default();
        entities.iter().filter(|entity| entity["totalCost"]["byCurrency"][0]["net"]["amount"] == "5.00").count()
    };
    assert_eq!((priced(&one), priced(&all), for_one, for_all), (1, 100, 2, 2));
}

#[tokio::test]
async fn reports_images_and_appointments_show_their_billings_in_one_statement() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (own, report, image, appointment) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let mut ids = Vec::new();
    for occasions in [json!({ "reportId": report, "imageId": image }), json!({ "appointmentId": appointment })] {
        let mut input = input(own, "1", "5", "EUR");
        input.as_object_mut().expect("an object").extend(occasions.as_object().cloned().expect("an object"));
        let added = clerk.data(ADD, json!({ "input": input })).await;
        ids.push(added["addBilling"]["billing"]["id"].clone());
    }
    let query = "query ($r: [_Any!]!) { _entities(representations: $r) {
        ... on DiagnosisReport { billings { id } } ... on MedicalImage { billings { id image { id } } }
        ... on Appointment { billings { id appointment { id } } } } }";
    let of = |kind: &str, id: Uuid| json!({ "__typename": kind, "id": id });
    let representations = [
        of("DiagnosisReport", report),
        of("MedicalImage", image),
        of("Appointment", appointment),
        of("Appointment", report),
    ];
    let asked = json!({ "r": representations });
    let (shown, statements) = count.during(clerk.ask(query, asked.clone())).await;
    let expected = json!([
        { "billings": [{ "id": ids[0] }] },
        { "billings": [{ "id": ids[0], "image": { "id": image } }] },
        { "billings": [{ "id": ids[1], "appointment": { "id": appointment } }] },
        { "billings": [] },
    ]);
    assert_eq!((&shown.body["data"]["_entities"], statements), (&expected, 1));
    let stranger = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    let hidden = stranger.ask(query, asked).await;
    assert_eq!(hidden.body["data"]["_entities"], json!(vec![json!({ "billings": [] }); 4]));
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_by_401_through_every_door() {
    let setup = setup().await;
    for (kind, token) in forged(&setup.tokens) {
        let caller = setup.anonymous.with_token(token);
        let root = caller.ask("{ billings { nodes { id } } }", Value::Null).await;
        let entities = caller.entities("Patient", &[Uuid::now_v7()], "totalCost { asOf }").await;
        assert_eq!((root.status.as_u16(), entities.status.as_u16()), (401, 401), "{kind}");
    }
}

#[tokio::test]
async fn a_foreign_billing_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    add(&clerk, own, "1", "5", "EUR").await;
    let foreign = add(&clerk, other, "1", "7", "EUR").await["id"].clone();
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let query = "query ($id: ID!) { billing(id: $id) { id net { amount } } }";
    assert_alike(&count, &patient, query, json!({ "id": foreign }), json!({ "id": Uuid::now_v7() })).await;
    let of = |type_name: &str, id: Value| json!({ "r": [{ "__typename": type_name, "id": id }] });
    let absent = || json!(Uuid::now_v7());
    let billing = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Billing { description } } }";
    assert_alike(&count, &patient, billing, of("Billing", foreign), of("Billing", absent())).await;
    let all = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient {
        billings { totalCount nodes { id } } totalCost { byCurrency { itemCount } } } } }";
    assert_alike(&count, &patient, all, of("Patient", json!(other)), of("Patient", absent())).await;
}
