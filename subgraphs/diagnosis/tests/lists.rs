//! Lists of reports and of the workflow log: both ways, counted, by index.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, StatementCount, TestDatabase};
use serde_json::{Value, json};
use setup::{setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const REPORTS: ListQuery<'_> = ListQuery { query: "{ reports(PAGE) CONNECTION }", at: "/reports" };
const OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { reports(PAGE) CONNECTION } } }",
    at: "/_entities/0/reports",
};
const ORDERS: ListQuery<'_> = ListQuery { query: "{ imagingOrders(PAGE) CONNECTION }", at: "/imagingOrders" };
const ORDERS_OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { imagingOrders(PAGE) CONNECTION } } }",
    at: "/_entities/0/imagingOrders",
};
const ORDERS_OF_STAFF: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"MedicalStaff\", id: $id }]) {
        ... on MedicalStaff { imagingOrders(PAGE) CONNECTION } } }",
    at: "/_entities/0/imagingOrders",
};
const LOGS: ListQuery<'_> = ListQuery { query: "{ workflowLogs(PAGE) CONNECTION }", at: "/workflowLogs" };

/// So many reports of one patient in any order, of which each third was released, as many entries of the log, and as many orders
/// by somebody with the same id.
async fn fill(pool: &PgPool, patient: Uuid, rows: u32) {
    let statements = format!(
        "INSERT INTO diagnosis.report (id, patient_id, status, priority, author_id, created_at, updated_at)
         SELECT gen_random_uuid(), '{patient}', CASE number % 3 WHEN 0 THEN 'FINAL' ELSE 'REGISTERED' END, 'ROUTINE',
             gen_random_uuid(), now(), now()
         FROM generate_series(1, {rows}) AS number;
         INSERT INTO diagnosis.workflow_log (seq, id, occurred_at, recorded_at, user_id, action, patient_id, prev_hash, hash)
         SELECT (SELECT coalesce(max(seq), 0) FROM diagnosis.workflow_log) + number, gen_random_uuid(), now(), now(),
             gen_random_uuid(), 'CHECKED_IN', '{patient}', '', ''
         FROM generate_series(1, {rows}) AS number;
         INSERT INTO diagnosis.imaging_order (id, accession_number, patient_id, status, stage, priority, ordered_by, modality,
             reason, acquired_at, due_at, created_at, updated_at, shown_at)
         SELECT gen_random_uuid(), gen_random_uuid(), '{patient}', 'ACTIVE', CASE number % 2 WHEN 0 THEN 'READING' ELSE 'ACQUIRED' END,
             'ROUTINE', '{patient}', 'CT', 'x', now(), now(), now(), now(), now()
         FROM generate_series(1, {rows}) AS number"
    );
    raw_sql(AssertSqlSafe(statements)).execute(pool).await.expect("filled");
}

#[tokio::test]
async fn every_list_gives_the_same_rows_forwards_and_backwards_in_pages_of_any_size() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 13).await;
    fill(&setup.database.pool, other, 4).await;
    assert_eq!(REPORTS.assert_pages(&radiologist, "id", &Value::Null).await, 17);
    assert_eq!(LOGS.assert_pages(&radiologist, "seq", &Value::Null).await, 17);
    assert_eq!(OF_PATIENT.assert_pages(&radiologist, "id", &json!({ "id": patient })).await, 13);
    assert_eq!(ORDERS.assert_pages(&radiologist, "id", &Value::Null).await, 17);
    for below in [ORDERS_OF_PATIENT, ORDERS_OF_STAFF] {
        assert_eq!(below.assert_pages(&radiologist, "id", &json!({ "id": patient })).await, 13);
    }
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    assert_eq!(ORDERS_OF_PATIENT.assert_pages(&own, "id", &json!({ "id": patient })).await, 13);
    assert_eq!(OF_PATIENT.assert_pages(&own, "id", &json!({ "id": patient })).await, 4, "what was released");
}

#[tokio::test]
async fn a_total_is_of_what_the_caller_may_see() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 7).await;
    fill(&setup.database.pool, other, 2).await;
    let exactly = |rows: i64| (json!(rows), json!(true));
    assert_eq!(REPORTS.total(&radiologist, &Value::Null).await, exactly(9));
    assert_eq!(LOGS.total(&radiologist, &Value::Null).await, exactly(9));
    assert_eq!(OF_PATIENT.total(&radiologist, &json!({ "id": patient })).await, exactly(7));
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    assert_eq!(OF_PATIENT.total(&own, &json!({ "id": patient })).await, exactly(2), "what was released");
    for nobodys in [other, Uuid::now_v7()] {
        assert_eq!(OF_PATIENT.total(&own, &json!({ "id": nobodys })).await, exactly(0), "theirs as nobody's");
    }
    assert_eq!(ORDERS.total(&radiologist, &Value::Null).await, exactly(9));
    assert_eq!(ORDERS_OF_STAFF.total(&radiologist, &json!({ "id": patient })).await, exactly(7));
    assert_eq!(ORDERS_OF_PATIENT.total(&own, &json!({ "id": patient })).await, exactly(7));
    for nobodys in [other, Uuid::now_v7()] {
        assert_eq!(ORDERS_OF_PATIENT.total(&own, &json!({ "id": nobodys })).await, exactly(0), "theirs as nobody's");
    }
    let drafts = ListQuery { query: "{ reports(PAGE, filter: { status: [REGISTERED] }) CONNECTION }", ..REPORTS };
    assert_eq!(drafts.total(&radiologist, &Value::Null).await, exactly(7));
}

#[tokio::test]
async fn no_list_counts_further_than_to_ten_thousand() {
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let patient = Uuid::now_v7();
    fill(&setup.database.pool, patient, 10_000).await;
    let of_one = json!({ "id": patient });
    let lists = [
        (REPORTS, Value::Null),
        (LOGS, Value::Null),
        (OF_PATIENT, of_one.clone()),
        (ORDERS, Value::Null),
        (ORDERS_OF_PATIENT, of_one.clone()),
        (ORDERS_OF_STAFF, of_one),
    ];
    for (list, variables) in &lists {
        assert_eq!(list.total(&radiologist, variables).await, (json!(10_000), json!(true)), "{list:?}");
    }
    fill(&setup.database.pool, patient, 2).await;
    for (list, variables) in &lists {
        assert_eq!(list.total(&radiologist, variables).await, (json!(10_000), json!(false)), "{list:?}");
    }
}

#[tokio::test]
async fn counting_costs_one_statement_for_all_parents_and_none_where_nobody_asks() {
    let count = StatementCount::start();
    let setup = setup().await;
    let radiologist = setup.as_role(Role::Radiologist);
    let patients: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    fill(&setup.database.pool, patients[0], 3).await;
    let ask = async |parents: usize, selection: &str| {
        let query = format!(
            "query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on Patient {{ reports {selection} }} }} }}
             fragment Total on DiagnosisReportConnection {{ totalCountIsExact total: totalCount }}"
        );
        let of: Vec<_> = patients[..parents].iter().map(|id| json!({ "__typename": "Patient", "id": id })).collect();
        let (_, statements) = count.during(radiologist.data(&query, json!({ "r": of }))).await;
        statements
    };
    for (selection, statements) in [
        ("{ nodes { id } ... @skip(if: true) { ...Total } }", 1),
        ("(last: 3) { nodes { id } totalCount @include(if: false) ... @skip(if: true) { ...Total } }", 1),
        ("{ totalCount nodes { id } ... @skip(if: true) { ...Total } }", 2),
        ("(last: 3) { nodes { id } ...Total }", 2),
    ] {
        for parents in [1, 100] {
            assert_eq!(ask(parents, selection).await, statements, "{selection}: {parents}");
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
    let radiologist = setup.as_role(Role::Radiologist);
    let patient = Uuid::now_v7();
    for other in (0..100).map(|_| Uuid::now_v7()).chain([patient]) {
        fill(&setup.database.pool, other, 300).await;
    }
    for table in [
        "VACUUM ANALYZE diagnosis.report",
        "VACUUM ANALYZE diagnosis.workflow_log",
        "VACUUM ANALYZE diagnosis.imaging_order",
    ] {
        raw_sql(table).execute(&setup.database.pool).await.expect("analysed");
    }
    REPORTS.assert_index(&radiologist, &plans, "report_pkey", &Value::Null).await;
    LOGS.assert_index(&radiologist, &plans, "workflow_log_pkey", &Value::Null).await;
    OF_PATIENT.assert_index(&radiologist, &plans, "report_of_patient", &json!({ "id": patient })).await;
    ORDERS.assert_index(&radiologist, &plans, "imaging_order_pkey", &Value::Null).await;
    let of_one = json!({ "id": patient });
    ORDERS_OF_PATIENT.assert_index(&radiologist, &plans, "imaging_order_of_patient", &of_one).await;
    ORDERS_OF_STAFF.assert_index(&radiologist, &plans, "imaging_order_of_orderer", &of_one).await;
}
