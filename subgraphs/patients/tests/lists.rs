//! Lists of patients, staff, accounts and changes: both ways, counted.

mod setup;

use healthbridge_patients::domain::Mrn;
use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, StatementCount, TestDatabase};
use serde_json::{Value, json};
use setup::{setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const STAFF: ListQuery<'_> = ListQuery { query: "{ staff(PAGE) CONNECTION }", at: "/staff" };
const HISTORY: ListQuery<'_> =
    ListQuery { query: "query ($id: ID!) { patient(id: $id) { history(PAGE) CONNECTION } }", at: "/patient/history" };

/// So many patients of two families, members of the staff, and accounts, in any order; the first patient was changed as
/// often.
async fn fill(pool: &PgPool, patient: Uuid, rows: u32) {
    let insert = sqlx::query(
        "INSERT INTO patients.patient (id, mrn, family, given, name_use, gender, created_at, updated_at, sort_name)
         SELECT CASE number WHEN 1 THEN $1 ELSE gen_random_uuid() END, mrn, 'F' || number % 2, '{}', 'OFFICIAL', 'OTHER', now(),
             now() + number % 3 * interval '1 s', 'f' || number % 2
         FROM unnest($2::text[]) WITH ORDINALITY AS serial (mrn, number)",
    );
    let (there,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM patients.patient").fetch_one(pool).await.expect("a number");
    let there = u32::try_from(there).expect("few");
    let mrns = (there..there + rows).map(|serial| Mrn::from_serial(serial).expect("a number").to_string());
    insert.bind(patient).bind(mrns.collect::<Vec<_>>()).execute(pool).await.expect("filled");
    let statements = format!(
        "INSERT INTO patients.staff (id, name_use, family, given, profession, created_at, updated_at, sort_name)
         SELECT gen_random_uuid(), 'OFFICIAL', 'House', '{{}}', 'PHYSICIAN', now(), now(), 'house'
         FROM generate_series(1, {rows});
         INSERT INTO patients.account (id, kind, email, roles, created_at, updated_at)
         SELECT gen_random_uuid(), 'STAFF', gen_random_uuid() || '@example.test', '{{NURSE}}', now(), now()
         FROM generate_series(1, {rows});
         INSERT INTO patients.record_version (record_id, version, changed_at, changed_fields)
         SELECT '{patient}', number, now(), '{{active}}' FROM generate_series(1, {rows}) AS number"
    );
    raw_sql(AssertSqlSafe(statements)).execute(pool).await.expect("filled");
}

/// Every order of patients and of accounts.
fn ordered() -> Vec<(String, &'static str)> {
    let patients = ["FAMILY_NAME_ASC", "CREATED_AT_DESC", "UPDATED_AT_DESC"].map(|order| ("patients", order));
    let users = ["CREATED_AT_ASC", "CREATED_AT_DESC", "EMAIL_ASC"].map(|order| ("users", order));
    let query = |(list, order)| (format!("{{ {list}(PAGE, orderBy: {order}) CONNECTION }}"), list);
    patients.into_iter().chain(users).map(query).collect()
}

#[tokio::test]
async fn every_list_gives_the_same_rows_forwards_and_backwards_in_pages_of_any_size() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let patient = Uuid::now_v7();
    fill(&setup.database.pool, patient, 9).await;
    for (query, list) in ordered() {
        let at = format!("/{list}");
        let list = ListQuery { query: &query, at: &at };
        assert_eq!(list.assert_pages(&admin, "id", &Value::Null).await, 9, "{list:?}");
    }
    assert_eq!(STAFF.assert_pages(&admin, "id", &Value::Null).await, 9);
    let auditor = setup.as_role(Role::Auditor);
    assert_eq!(HISTORY.assert_pages(&auditor, "version", &json!({ "id": patient })).await, 9);
}

#[tokio::test]
async fn no_list_counts_further_than_to_ten_thousand() {
    let setup = setup().await;
    let (admin, auditor) = (setup.as_role(Role::Admin), setup.as_role(Role::Auditor));
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 10_000).await;
    let variables = json!({ "id": patient });
    assert_eq!(HISTORY.total(&auditor, &variables).await, (json!(10_000), json!(true)));
    let lists: Vec<_> = ["patients", "users", "staff"]
        .map(|list| (format!("{{ {list}(PAGE) CONNECTION }}"), format!("/{list}")))
        .into();
    for (query, at) in &lists {
        let list = ListQuery { query, at };
        assert_eq!(list.total(&admin, &Value::Null).await, (json!(10_000), json!(true)), "{at}");
    }
    fill(&setup.database.pool, other, 1).await;
    for (query, at) in &lists {
        let list = ListQuery { query, at };
        assert_eq!(list.total(&admin, &Value::Null).await, (json!(10_000), json!(false)), "{at}");
    }
    assert_eq!(HISTORY.total(&auditor, &json!({ "id": other })).await, (json!(1), json!(true)));
}

#[tokio::test]
async fn counting_costs_one_statement_for_all_records_and_none_where_nobody_asks() {
    let count = StatementCount::start();
    let setup = setup().await;
    let auditor = setup.as_role(Role::Auditor);
    fill(&setup.database.pool, Uuid::now_v7(), 40).await;
    for (selection, expected) in [
        ("patients(first: SIZE) { nodes { history(last: 2) { nodes { version } } } }", 2),
        ("patients(last: SIZE) { nodes { history(last: 2) { totalCount nodes { version } } } totalCountIsExact }", 4),
        ("staff(first: SIZE) { nodes { id } }", 1),
        ("staff(last: SIZE) { totalCount nodes { id } }", 2),
    ] {
        for size in ["1", "40"] {
            let query = format!("{{ {} }}", selection.replace("SIZE", size));
            assert_eq!(count.during(auditor.data(&query, Value::Null)).await.1, expected, "{query}");
        }
    }
}

#[tokio::test]
async fn pages_of_the_staff_are_read_from_an_index_either_way() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one, healthbridge_auth::ForeignIssuers::default()).await;
    let (clerk, auditor) = (setup.as_role(Role::Clerk), setup.as_role(Role::Auditor));
    let patient = Uuid::now_v7();
    fill(&setup.database.pool, patient, 10_000).await;
    for table in ["staff", "record_version"] {
        raw_sql(AssertSqlSafe(format!("VACUUM ANALYZE patients.{table}")))
            .execute(&setup.database.pool)
            .await
            .expect("analysed");
    }
    STAFF.assert_index(&clerk, &plans, "staff_pkey", &Value::Null).await;
    HISTORY.assert_index(&auditor, &plans, "record_version_pkey", &json!({ "id": patient })).await;
}
