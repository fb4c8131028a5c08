//! A large ledger. It takes minutes: `cargo nextest run -p healthbridge-billing --test large --run-ignored all --no-capture`
//! below `with-postgres`, with the number of movements in `HEALTHBRIDGE_MOVEMENTS`.

use std::time::Instant;

use healthbridge_billing::{DESCRIPTION, Ledger, verify_each};
use healthbridge_chain::catch_up;
use healthbridge_testkit::TestDatabase;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, raw_sql};

/// Movements of a patient: a charge, its payment, a charge …
const EACH: u32 = 10;

/// As the database itself would have written them, without its triggers: those take hours.
const PAIR: [&str; 6] = [
    "INSERT INTO billing.billing (id, patient_id, description, quantity, unit_price, currency, net, status, serviced_at,
                                  created_at, created_by, charged, paid)
     SELECT md5('b PAIR ' || number)::uuid, md5(number::text)::uuid, 'CT', 1, 10, 'EUR', 10, 'BILLABLE', '2026-01-01', '2026-01-01',
            md5('')::uuid, 10, 10
     FROM generate_series(1, PATIENTS) AS number",
    "INSERT INTO billing.posting SELECT md5('c PAIR ' || number)::uuid, 1, 'RECEIVABLE', md5('b PAIR ' || number)::uuid, 10
     FROM generate_series(1, PATIENTS) AS number",
    "INSERT INTO billing.posting SELECT md5('c PAIR ' || number)::uuid, 2, 'REVENUE', NULL, -10
     FROM generate_series(1, PATIENTS) AS number",
    "INSERT INTO billing.posting SELECT md5('p PAIR ' || number)::uuid, 1, 'CASH', NULL, 10
     FROM generate_series(1, PATIENTS) AS number",
    "INSERT INTO billing.posting SELECT md5('p PAIR ' || number)::uuid, 2, 'RECEIVABLE', md5('b PAIR ' || number)::uuid, -10
     FROM generate_series(1, PATIENTS) AS number",
    "ANALYZE billing.posting",
];
const MOVEMENT: &str = "
INSERT INTO billing.movement (id, kind, patient_id, currency, amount, method, recorded_by, recorded_at, place, digest)
SELECT made.id, made.kind, made.patient_id, 'EUR', 10, made.method, made.patient_id, '2026-01-01', PLACE,
       billing.movement_digest(
           coalesce((SELECT digest FROM billing.movement AS previous
                     WHERE previous.patient_id = made.patient_id AND currency = 'EUR' AND place = PLACE - 1), ''),
           ROW(made.id, 0, made.kind, made.patient_id, 'EUR', 10, made.method, NULL, NULL, NULL, made.patient_id,
               '2026-01-01'::timestamptz, ''::bytea, PLACE)::billing.movement)
FROM (SELECT md5('WHAT PAIR ' || number)::uuid AS id, 'KIND' AS kind, md5(number::text)::uuid AS patient_id,
             METHOD::text AS method
      FROM generate_series(1, PATIENTS) AS number) AS made";
const BALANCES: &str = "
INSERT INTO billing.balance SELECT patient_id, currency, 10 * EACH / 2, 0, 0, 10 * EACH / 2, 0, EACH / 2, EACH, digest
FROM billing.movement WHERE place = EACH";

async fn run(connection: &mut PgConnection, statement: &str, patients: u32) {
    let statement = statement.replace("PATIENTS", &patients.to_string()).replace("EACH", &EACH.to_string());
    raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("written");
}

/// The most memory that this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_ledger_of_millions_of_movements_is_verified_as_a_stream() {
    let movements = std::env::var("HEALTHBRIDGE_MOVEMENTS").ok().and_then(|text| text.parse().ok());
    let patients = movements.unwrap_or(1_000_000_u32) / EACH;
    let database = TestDatabase::of(DESCRIPTION.provision).await;
    let mut connection = database.options.connect().await.expect("the database");
    let begun = Instant::now();
    run(&mut connection, "SET session_replication_role = replica; SET synchronous_commit = off", patients).await;
    for pair in 0..EACH / 2 {
        for statement in PAIR {
            run(&mut connection, &statement.replace("PAIR", &pair.to_string()), patients).await;
        }
        for (place, what, kind, method) in
            [(2 * pair + 1, "c", "CHARGE", "NULL"), (2 * pair + 2, "p", "PAYMENT", "'CASH'")]
        {
            let statement = MOVEMENT.replace("PAIR", &pair.to_string()).replace("PLACE", &place.to_string());
            let statement = statement.replace("WHAT", what).replace("KIND", kind).replace("METHOD", method);
            run(&mut connection, &statement, patients).await;
        }
    }
    run(&mut connection, BALANCES, patients).await;
    run(&mut connection, "INSERT INTO billing.ledger_waiting (movement_id) SELECT id FROM billing.movement", patients)
        .await;
    run(&mut connection, "ANALYZE", patients).await;
    println!("{} movements written in {:.0?}", patients * EACH, begun.elapsed());
    let begun = Instant::now();
    catch_up::<Ledger>(&database.pool).await.expect("sealed");
    println!("sealed in {:.0?}", begun.elapsed());
    let (before, begun, mut found) = (peak(), Instant::now(), Vec::new());
    verify_each(&database.pool, None, |difference| found.push(difference)).await.expect("verified");
    println!("verified in {:.1?}; at most {} MiB here, {before} MiB before", begun.elapsed(), peak());
    assert_eq!(found, Vec::<String>::new());
}
