//! The chain of digests: what is honest is never accused, whoever wrote at once, and whatever was there before.

mod setup;

use healthbridge_billing::{verify, verify_each};
use healthbridge_rights::Role;
use healthbridge_testkit::TestDatabase;
use serde_json::json;
use setup::{ADD, PAY, input, setup};
use sqlx::{PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const BEFORE: [&str; 7] = [
    include_str!("../migrations/0001_billing.sql"),
    include_str!("../migrations/0002_ledger.sql"),
    include_str!("../migrations/0003_invoices.sql"),
    include_str!("../migrations/0004_price_list.sql"),
    include_str!("../migrations/0005_exports.sql"),
    include_str!("../migrations/0006_billings_of_appointments.sql"),
    include_str!("../migrations/0007_imports.sql"),
];
const PLACES: &str = include_str!("../migrations/0008_places.sql");
const SEALS: &str = include_str!("../migrations/0011_ledger_seals.sql");

/// Charges a patient 1.00 again and again; `seq` is what each movement drew, in the order in which they are sealed.
const CHARGE: &str = "
DO $$
DECLARE
    number bigint;
    bill   uuid;
    moved  uuid;
BEGIN
    FOREACH number IN ARRAY ARRAY(SELECT SEQUENCE) LOOP
        bill := gen_random_uuid();
        moved := gen_random_uuid();
        INSERT INTO billing.billing (id, patient_id, description, quantity, unit_price, currency, net, status, serviced_at,
                                     created_at, created_by, charged)
            VALUES (bill, 'PATIENT', 'CT', 1, 1, 'EUR', 1, 'BILLABLE', now(), now(), bill, 1);
        INSERT INTO billing.posting VALUES (moved, 1, 'RECEIVABLE', bill, 1), (moved, 2, 'REVENUE', NULL, -1);
        INSERT INTO billing.movement (id, seq, kind, patient_id, currency, amount, recorded_by, recorded_at)
            OVERRIDING SYSTEM VALUE VALUES (moved, number, 'CHARGE', 'PATIENT', 'EUR', 1, bill, now());
    END LOOP;
END
$$";

async fn run(pool: &PgPool, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    raw_sql(statement).execute(pool).await.expect("run");
}

async fn charge(pool: &PgPool, patient: Uuid, sequence: &str) {
    run(pool, &CHARGE.replace("SEQUENCE", sequence).replace("PATIENT", &patient.to_string())).await;
}

#[tokio::test]
async fn eight_clients_charge_and_pay_one_patient_and_nothing_is_found() {
    let setup = setup().await;
    let patient = Uuid::now_v7();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let clerk = setup.as_role(Role::Clerk);
            tokio::spawn(async move {
                for _ in 0..25 {
                    let made = clerk.data(ADD, json!({ "input": input(patient, "1", "10", "EUR") })).await;
                    let pay = json!({ "billingId": made["addBilling"]["billing"]["id"], "method": "CARD",
                        "idempotencyKey": Uuid::new_v4() });
                    let paid = clerk.data(PAY, json!({ "input": pay })).await;
                    assert!(paid["payBilling"]["entry"]["id"].is_string(), "{paid}");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("done");
    }
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
    let places = sqlx::query_as("SELECT count(*), max(place) FROM billing.movement");
    let places: (i64, i64) = places.fetch_one(&setup.database.pool).await.expect("counted");
    assert_eq!(places, (400, 400));
}

#[tokio::test]
async fn a_ledger_whose_movements_were_sealed_in_another_order_than_they_drew_their_numbers_is_migrated() {
    let database = TestDatabase::empty().await;
    let pool = &database.pool;
    run(pool, "CREATE SCHEMA billing").await;
    for migration in BEFORE {
        run(pool, migration).await;
    }
    let [ordered, mixed, long, tampered] = [(); 4].map(|()| Uuid::now_v7());
    charge(pool, ordered, "unnest(ARRAY[1, 2, 3])").await;
    charge(pool, mixed, "unnest(ARRAY[15, 12, 14, 11, 13, 16])").await;
    // Eight at a time, the last one first.
    charge(
        pool,
        long,
        "1000 + 8 * block + 8 - turn FROM generate_series(0, 249) AS block, generate_series(1, 8) AS turn ORDER BY block, turn",
    )
    .await;
    charge(pool, tampered, "unnest(ARRAY[23, 22, 24, 21, 25, 26])").await;
    // As a superuser does who wants to get by the triggers.
    let change = format!(
        "SET session_replication_role = replica;
         UPDATE billing.movement SET amount = 2 WHERE seq = 24 AND patient_id = '{tampered}';
         SET session_replication_role = DEFAULT"
    );
    run(pool, &change).await;
    run(pool, PLACES).await;
    run(pool, SEALS).await;
    let found = verify(pool).await.expect("verified");
    assert!(!found.is_empty() && found.iter().all(|text| text.contains(&tampered.to_string())), "{found:#?}");
    for (patient, count) in [(mixed, 6), (long, 2000), (tampered, 6)] {
        let places =
            sqlx::query_as("SELECT count(*), min(place), max(place) FROM billing.movement WHERE patient_id = $1");
        let places: (i64, i64, i64) = places.bind(patient).fetch_one(pool).await.expect("counted");
        assert_eq!(places, (count, 1, count));
    }
    // And it goes on.
    charge(pool, mixed, "unnest(ARRAY[9001, 9000])").await;
    assert_eq!(verify(pool).await.expect("verified"), found);
}

#[tokio::test]
async fn a_ledger_is_verified_however_long_that_takes() {
    let setup = setup().await;
    charge(&setup.database.pool, Uuid::now_v7(), "generate_series(1, 500)").await;
    let hurried = setup.database.options.clone().options([("statement_timeout", "5ms")]);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(hurried);
    let too_long = sqlx::query("SELECT pg_sleep(1)").execute(&pool).await;
    assert!(too_long.is_err(), "a statement may take 5 ms");
    let mut found = Vec::new();
    verify_each(&pool, None, |difference| found.push(difference)).await.expect("verified");
    assert_eq!(found, Vec::<String>::new());
}
