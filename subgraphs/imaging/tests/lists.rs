//! Lists of images: both ways, counted, by index.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, TestDatabase};
use serde_json::{Value, json};
use setup::{setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const IMAGES: ListQuery<'_> = ListQuery { query: "{ images(PAGE) CONNECTION }", at: "/images" };
const OF_PATIENT: ListQuery<'_> = ListQuery {
    query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Patient\", id: $id }]) {
        ... on Patient { images(PAGE) CONNECTION } } }",
    at: "/_entities/0/images",
};

/// So many images of one patient in any order, of which each third awaits its bytes.
async fn fill(pool: &PgPool, patient: Uuid, rows: u32) {
    let statement = format!(
        "INSERT INTO imaging.medical_image (id, patient_id, modality, file_name, content_type, byte_size, sha256, object_key,
             state, uploaded_at, uploaded_by, upload_expires_at)
         SELECT gen_random_uuid(), '{patient}', 'CT', 'a.png', 'image/png', 1, repeat('0', 64), gen_random_uuid(),
             CASE number % 3 WHEN 0 THEN 'AWAITING_UPLOAD' ELSE 'READY' END, now(), gen_random_uuid(), now()
         FROM generate_series(1, {rows}) AS number"
    );
    raw_sql(AssertSqlSafe(statement)).execute(pool).await.expect("filled");
}

#[tokio::test]
async fn every_list_gives_the_same_rows_forwards_and_backwards_in_pages_of_any_size() {
    let setup = setup().await;
    let (patient, other) = (Uuid::now_v7(), Uuid::now_v7());
    fill(&setup.database.pool, patient, 17).await;
    fill(&setup.database.pool, other, 5).await;
    assert_eq!(IMAGES.assert_pages(&setup.technologist, "id", &Value::Null).await, 16, "those that are ready");
    assert_eq!(OF_PATIENT.assert_pages(&setup.technologist, "id", &json!({ "id": patient })).await, 12);
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    assert_eq!(OF_PATIENT.assert_pages(&own, "id", &json!({ "id": patient })).await, 12);
    assert_eq!(OF_PATIENT.assert_pages(&own, "id", &json!({ "id": other })).await, 0);
}

#[tokio::test]
async fn no_list_counts_further_than_to_ten_thousand() {
    let setup = setup().await;
    let patient = Uuid::now_v7();
    fill(&setup.database.pool, patient, 15_000).await;
    let lists = [(IMAGES, Value::Null), (OF_PATIENT, json!({ "id": patient }))];
    for (list, variables) in &lists {
        assert_eq!(list.total(&setup.technologist, variables).await, (json!(10_000), json!(true)), "{list:?}");
    }
    fill(&setup.database.pool, patient, 1).await;
    for (list, variables) in &lists {
        assert_eq!(list.total(&setup.technologist, variables).await, (json!(10_000), json!(false)), "{list:?}");
    }
}

#[tokio::test]
async fn pages_of_long_lists_are_read_from_an_index_either_way() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one).await;
    let (doctor, patient) = (setup.as_role(Role::Doctor), Uuid::now_v7());
    for other in (0..100).map(|_| Uuid::now_v7()).chain([patient]) {
        fill(&setup.database.pool, other, 300).await;
    }
    raw_sql("VACUUM ANALYZE imaging.medical_image").execute(&setup.database.pool).await.expect("analysed");
    IMAGES.assert_index(&doctor, &plans, "medical_image_pkey", &Value::Null).await;
    OF_PATIENT.assert_index(&doctor, &plans, "medical_image_of_patient", &json!({ "id": patient })).await;
}
