//! Lists of billings, invoices, prices and movements: both ways, counted, by index.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, StatementCount, TestDatabase};
use serde_json::{Value, json};
use setup::{ADD, input, setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const BILLINGS: ListQuery<'_> = ListQuery { query: "{ billings(PAGE) CONNECTION }", at: "/billings" };
const INVOICES: ListQuery<'_> = ListQuery { query: "{ invoices(PAGE) CONNECTION }", at: "/invoices" };
const PRICES: ListQuery<'_> = ListQuery { query: "{ serviceItems(PAGE) CONNECTION }", at: "/serviceItems" };
const BILLINGS_OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { billings(PAGE) CONNECTION } } }",
    at: "/_entities/0/billings",
};
const INVOICES_OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { invoices(PAGE) CONNECTION } } }",
    at: "/_entities/0/invoices",
};
const LEDGER: ListQuery<'_> =
    ListQuery { query: "query ($id: ID!) { billing(id: $id) { ledger(PAGE) CONNECTION } }", at: "/billing/ledger" };

/// So many billings of one patient in any order, each on an invoice, and as many prices.
async fn fill(pool: &PgPool, patient: Uuid, rows: u32) {
    let statements = format!(
        "INSERT INTO billing.billing (id, patient_id, description, quantity, unit_price, currency, net, status, serviced_at,
             created_at, created_by, charged)
         SELECT gen_random_uuid(), '{patient}', 'CT', 1, 1, 'EUR', 1, 'PLANNED', now(), now(), gen_random_uuid(), 1
         FROM generate_series(1, {rows});
         INSERT INTO billing.invoice (id, kind, patient_id, currency, status, billing_ids, created_at, created_by)
         SELECT gen_random_uuid(), 'INVOICE', patient_id, currency, 'DRAFT', ARRAY[id], now(), created_by
         FROM billing.billing WHERE patient_id = '{patient}' LIMIT {rows};
         INSERT INTO billing.service_item (id, name, valid_from, created_at, created_by)
         SELECT gen_random_uuid(), 'CT ' || number, '2026-01-01', now(), gen_random_uuid()
         FROM generate_series(1, {rows}) AS number;
         INSERT INTO billing.service_price (service_item_id, currency, amount)
         SELECT id, 'EUR', 1 FROM billing.service_item ON CONFLICT DO NOTHING"
    );
    raw_sql(AssertSqlSafe(statements)).execute(pool).await.expect("filled");
}

#[tokio::test]
async fn every_list_gives_the_same_rows_forwards_and_backwards_in_pages_of_any_size() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 9).await;
    fill(&setup.database.pool, other, 3).await;
    for list in [BILLINGS, INVOICES, PRICES] {
        assert_eq!(list.assert_pages(&clerk, "id", &Value::Null).await, 12, "{list:?}");
    }
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    for list in [BILLINGS_OF_PATIENT, INVOICES_OF_PATIENT] {
        assert_eq!(list.assert_pages(&clerk, "id", &json!({ "id": patient })).await, 9, "{list:?}");
        assert_eq!(list.assert_pages(&own, "id", &json!({ "id": patient })).await, 9, "{list:?}");
        assert_eq!(list.assert_pages(&own, "id", &json!({ "id": other })).await, 0, "{list:?}");
    }
}

#[tokio::test]
async fn the_movements_of_a_billing_are_read_both_ways_and_counted() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (patient, mut billings) = (Uuid::now_v7(), Vec::new());
    for _ in 0..2 {
        let added = clerk.data(ADD, json!({ "input": input(patient, "1", "100.00", "EUR") })).await;
        billings.push(added["addBilling"]["billing"].clone());
    }
    for _ in 0..5 {
        setup.pay(&billings[0], "1.00", "EUR").await;
    }
    for (billing, movements) in billings.iter().zip([6, 1]) {
        let variables = json!({ "id": billing["id"] });
        assert_eq!(LEDGER.assert_pages(&clerk, "id kind", &variables).await, movements);
        assert_eq!(LEDGER.total(&clerk, &variables).await, (json!(movements), json!(true)));
    }
}

#[tokio::test]
async fn a_total_is_of_what_the_caller_may_see_and_counts_no_further_than_to_ten_thousand() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 9_999).await;
    fill(&setup.database.pool, other, 1).await;
    let variables = json!({ "id": patient });
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    for list in [BILLINGS, INVOICES, PRICES] {
        assert_eq!(list.total(&clerk, &variables).await, (json!(10_000), json!(true)), "{list:?}");
    }
    for list in [BILLINGS_OF_PATIENT, INVOICES_OF_PATIENT] {
        assert_eq!(list.total(&own, &variables).await, (json!(9_999), json!(true)), "{list:?}");
        for nobodys in [other, Uuid::now_v7()] {
            assert_eq!(list.total(&own, &json!({ "id": nobodys })).await, (json!(0), json!(true)), "{list:?}");
        }
    }
    fill(&setup.database.pool, patient, 2).await;
    for list in [BILLINGS, INVOICES, PRICES, BILLINGS_OF_PATIENT, INVOICES_OF_PATIENT] {
        assert_eq!(list.total(&clerk, &variables).await, (json!(10_000), json!(false)), "{list:?}");
    }
    let drafts = ListQuery {
        query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
            ... on Patient { invoices(PAGE, filter: { status: [BALANCED] }) CONNECTION } } }",
        ..INVOICES_OF_PATIENT
    };
    assert_eq!(drafts.total(&clerk, &variables).await, (json!(0), json!(true)), "by the filter");
}

#[tokio::test]
async fn counting_costs_one_statement_for_all_patients_and_none_where_nobody_asks() {
    let count = StatementCount::start();
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let patients: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    fill(&setup.database.pool, patients[0], 3).await;
    for (selection, expected) in [
        ("billings(last: 2) { nodes { id } } invoices(last: 2) { nodes { id } }", 2),
        (
            "billings(last: 2) { totalCount nodes { id } } invoices(last: 2) { totalCount totalCountIsExact nodes { id } }",
            4,
        ),
    ] {
        for parents in [1, 100] {
            let (answer, statements) = count.during(clerk.entities("Patient", &patients[..parents], selection)).await;
            assert_eq!((answer.codes(), statements), (Vec::new(), expected), "{selection}: {parents}");
        }
    }
}

#[tokio::test]
async fn pages_of_long_lists_are_read_from_an_index_either_way() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one).await;
    let (clerk, patient) = (setup.as_role(Role::Clerk), Uuid::now_v7());
    for other in (0..100).map(|_| Uuid::now_v7()).chain([patient]) {
        fill(&setup.database.pool, other, 300).await;
    }
    for table in ["billing", "invoice", "service_item", "service_price"] {
        raw_sql(AssertSqlSafe(format!("VACUUM ANALYZE billing.{table}")))
            .execute(&setup.database.pool)
            .await
            .expect("analysed");
    }
    BILLINGS.assert_index(&clerk, &plans, "billing_pkey", &Value::Null).await;
    INVOICES.assert_index(&clerk, &plans, "invoice_pkey", &Value::Null).await;
    PRICES.assert_index(&clerk, &plans, "service_item_pkey", &Value::Null).await;
    let variables = json!({ "id": patient });
    BILLINGS_OF_PATIENT.assert_index(&clerk, &plans, "billing_of_patient", &variables).await;
    INVOICES_OF_PATIENT.assert_index(&clerk, &plans, "invoice_of_patient", &variables).await;
}
