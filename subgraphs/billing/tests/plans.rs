//! Lists below patients read from indexes, however many invoices there are: the plans that PostgreSQL really took.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{Plans, TestDatabase};
use setup::setup_by;
use sqlx::{postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

/// Three invoices of each patient, with a line each.
const FILL: &str = "
INSERT INTO billing.billing (id, patient_id, description, quantity, unit_price, currency, net, status, serviced_at, created_at,
                             created_by, charged)
SELECT gen_random_uuid(), md5((number % 10000)::text)::uuid, 'CT', 1, 1, 'EUR', 1, 'PLANNED', now(), now(), gen_random_uuid(), 1
FROM generate_series(1, 30000) AS number;
INSERT INTO billing.invoice (id, kind, patient_id, currency, status, billing_ids, created_at, created_by)
SELECT gen_random_uuid(), 'INVOICE', patient_id, currency, 'DRAFT', ARRAY[id], now(), created_by FROM billing.billing;
VACUUM ANALYZE billing.billing;
VACUUM ANALYZE billing.invoice";

#[tokio::test]
async fn the_lists_of_a_patient_never_read_those_of_all() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one).await;
    for statement in FILL.split(';') {
        raw_sql(statement).execute(&setup.database.pool).await.expect("filled");
    }
    let clerk = setup.as_role(Role::Clerk);
    let (patient,): (Uuid,) =
        sqlx::query_as("SELECT md5('7')::uuid").fetch_one(&setup.database.pool).await.expect("a patient");
    for (list, count) in [
        ("invoices(first: 10) { nodes { id } }", 3),
        ("invoices(first: 10, filter: { status: [DRAFT] }) { nodes { id } }", 3),
        ("invoices(first: 10, filter: { dueBefore: \"2030-01-01\" }) { nodes { id } }", 0),
        ("billings(first: 10) { nodes { id } }", 3),
        ("billings(first: 10, filter: { currency: \"EUR\" }) { nodes { id } }", 3),
    ] {
        // From the sixth time on PostgreSQL may take one plan for all values.
        for _ in 0..7 {
            let (answer, taken) = plans.during(clerk.entities("Patient", &[patient], list)).await;
            assert!(answer.codes().is_empty(), "{list}: {}", answer.body);
            let name = list.split('(').next().expect("a name");
            let found = answer.body["data"]["_entities"][0][name]["nodes"].as_array().map(Vec::len);
            assert_eq!(found, Some(count), "{list}: {}", answer.body);
            assert!(!taken.is_empty(), "{list}: no plan was seen");
            for plan in taken {
                assert!(!plan.contains("Seq Scan"), "{list}: {plan}");
                assert!(plan.contains("_of_patient"), "{list}: {plan}");
            }
        }
    }
}
