//! The ledger as a file, through a real object storage.

mod setup;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{future::join_all, stream};
use healthbridge_billing::sweeps;
use healthbridge_jobs::Ran;
use healthbridge_objectstore::Announced;
use healthbridge_rights::Role;
use healthbridge_testkit::TestStorage;
use reqwest::StatusCode;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use setup::{Setup, add, setup};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const EXPORT: &str = "mutation ($input: ExportLedgerInput!) { exportLedger(input: $input) {
    export { id rows byteSize sha256 download { url method headers { name value } expiresAt } }
    userErrors { code field } } }";

async fn export(setup: &Setup, from: DateTime<Utc>, to: DateTime<Utc>) -> Value {
    let data = setup.as_role(Role::Auditor).data(EXPORT, json!({ "input": { "from": from, "to": to } })).await;
    data["exportLedger"].clone()
}

async fn read(export: &Value) -> (StatusCode, Vec<u8>) {
    let answer = reqwest::get(export["download"]["url"].as_str().expect("a URL")).await.expect("an answer");
    (answer.status(), answer.bytes().await.expect("bytes").to_vec())
}

fn lines(file: &[u8]) -> Vec<HashMap<String, String>> {
    let mut csv = csv::Reader::from_reader(file);
    csv.deserialize().map(|line| line.expect("a line")).collect()
}

/// Charges and payments in three currencies, one payment with a formula for its reference.
async fn history(setup: &Setup) {
    let clerk = setup.as_role(Role::Clerk);
    for currency in ["JPY", "USD", "KWD"] {
        let billing = add(&clerk, Uuid::now_v7(), "3", "1000", currency).await;
        let input = json!({ "billingId": billing["id"], "method": "CARD", "reference": "=HYPERLINK(\"x\"), \"y\"",
            "idempotencyKey": Uuid::new_v4(), "amount": { "amount": "700", "currency": currency } });
        clerk.data(setup::PAY, json!({ "input": input })).await;
    }
}

#[tokio::test]
async fn the_file_has_each_posting_of_the_time_and_comes_to_nothing_in_each_currency() {
    let setup = setup().await;
    let before = Utc::now() - TimeDelta::seconds(1);
    history(&setup).await;
    let after = Utc::now() + TimeDelta::seconds(1);
    let exported = export(&setup, before, after).await;
    assert_eq!(exported["userErrors"], json!([]));
    let exported = &exported["export"];
    let (status, file) = read(exported).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(exported["byteSize"], file.len().to_string());
    assert_eq!(exported["sha256"], hex::encode(Sha256::digest(&file)));
    let lines = lines(&file);
    assert_eq!(exported["rows"], lines.len().to_string());
    let postings = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM billing.posting");
    let postings = postings.fetch_one(&setup.database.pool).await.expect("a count");
    assert_eq!(i64::try_from(lines.len()), Ok(postings));

    let mut sums: HashMap<&str, Decimal> = HashMap::new();
    for line in &lines {
        *sums.entry(&line["currency"]).or_default() += line["amount"].parse::<Decimal>().expect("an amount");
    }
    assert_eq!(sums, HashMap::from(["JPY", "USD", "KWD"].map(|currency| (currency, Decimal::ZERO))));
    let cash: Vec<_> = lines.iter().filter(|line| line["account"] == "CASH").map(|line| &line["amount"]).collect();
    assert_eq!(cash, ["700", "700.00", "700.000"], "in the order of the movements, with their currencies' decimals");
    let typed: Vec<_> = lines.iter().filter(|line| line["kind"] == "PAYMENT").map(|line| &line["reference"]).collect();
    assert_eq!(typed, ["'=HYPERLINK(\"x\"), \"y\""; 6]);

    let earlier = export(&setup, before - TimeDelta::days(1), before).await;
    assert_eq!(earlier["export"]["rows"], "0");
    assert_eq!(self::lines(&read(&earlier["export"]).await.1).len(), 0);
}

#[tokio::test]
async fn an_export_larger_than_a_piece_arrives_whole() {
    let setup = setup().await;
    // 40 000 movements of a patient each, by hand: a bit more than 16 MB.
    let mut transaction = setup.database.pool.begin().await.expect("a transaction");
    for statement in [
        // A busy machine takes longer for the writing than a request may.
        "SET LOCAL statement_timeout = 0",
        "CREATE TEMPORARY TABLE made AS SELECT gen_random_uuid() AS id, gen_random_uuid() AS patient_id
         FROM generate_series(1, 40000)",
        "INSERT INTO billing.posting SELECT id, place, account, NULL, amount FROM made
         CROSS JOIN (VALUES (1, 'CASH', 1.5), (2, 'TAX', -1.5)) AS side (place, account, amount)",
        "INSERT INTO billing.movement (id, kind, patient_id, currency, amount, method, reference, recorded_by, recorded_at)
         SELECT id, 'PAYMENT', patient_id, 'EUR', 1.5, 'CASH', repeat('x', 100), patient_id, '2020-02-02' FROM made",
    ] {
        sqlx::query(statement).execute(&mut *transaction).await.expect("written");
    }
    transaction.commit().await.expect("committed");
    let day = "2020-02-02T00:00:00Z".parse().expect("a moment");
    let exported = export(&setup, day, day + TimeDelta::days(1)).await;
    let (_, file) = read(&exported["export"]).await;
    assert_eq!(exported["export"]["rows"], "80000");
    assert_eq!(exported["export"]["sha256"], hex::encode(Sha256::digest(&file)));
    assert_eq!(lines(&file).len(), 80_000);
}

#[tokio::test]
async fn an_impossible_time_is_refused_and_nothing_is_written() {
    let setup = setup().await;
    let now = Utc::now();
    for (from, to) in [(now, now), (now, now - TimeDelta::hours(1)), (now, now + TimeDelta::days(367))] {
        let refused = export(&setup, from, to).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "OUT_OF_RANGE", "field": ["input", "to"] }]));
    }
    let noted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM billing.ledger_export");
    assert_eq!(noted.fetch_one(&setup.database.pool).await.expect("a count"), 0);
    assert_eq!(setup.storage.files(), 0);
}

#[tokio::test]
async fn only_those_who_search_payments_export_and_it_is_noted_who_did() {
    let setup = setup().await;
    let now = Utc::now();
    let input = json!({ "input": { "from": now - TimeDelta::days(1), "to": now } });
    for token in [Role::Clerk, Role::Doctor].map(|role| setup.tokens.of(role)) {
        let refused = setup.anonymous.with_token(token).ask(EXPORT, input.clone()).await;
        assert_eq!(refused.codes(), ["FORBIDDEN"]);
    }
    assert_eq!(setup.storage.files(), 0);
    let claims = setup.tokens.claims(Role::Auditor, None, None);
    let auditor = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
    let exported = auditor.data(EXPORT, input).await;
    let id: Uuid = exported["exportLedger"]["export"]["id"].as_str().expect("an id").parse().expect("a UUID");
    let noted =
        sqlx::query_as::<_, (Uuid, i64)>("SELECT requested_by, row_count FROM billing.ledger_export WHERE id = $1");
    let noted = noted.bind(id).fetch_one(&setup.database.pool).await.expect("a note");
    assert_eq!(noted, (claims.sub, 0));
}

#[tokio::test]
async fn an_expired_export_is_deleted_and_its_note_stays() {
    let setup = setup().await;
    let now = Utc::now();
    let exported = export(&setup, now - TimeDelta::days(1), now).await;
    let sweep = sweeps::delete_expired(setup.database.pool.clone(), setup.storage.objects.clone());
    assert_eq!(sweep.run(now + TimeDelta::minutes(14)).await.expect("swept"), Ran::default());
    assert_eq!(read(&exported["export"]).await.0, StatusCode::OK);
    assert_eq!(sweep.run(now + TimeDelta::minutes(16)).await.expect("swept"), Ran { done: 1, failed: 0 });
    assert_eq!(read(&exported["export"]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(setup.storage.files(), 0);
    let noted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM billing.ledger_export WHERE deleted_at IS NOT NULL");
    assert_eq!(noted.fetch_one(&setup.database.pool).await.expect("a count"), 1);
}

#[tokio::test]
async fn an_expired_export_that_cannot_be_deleted_waits_with_its_reason_and_keeps_no_other() {
    let setup = setup().await;
    let objects = &setup.storage.objects;
    let now = Utc::now();
    let ids: Vec<Uuid> = (0..30).map(|_| Uuid::now_v7()).collect();
    let noted = sqlx::query(
        "INSERT INTO billing.ledger_export (id, from_at, to_at, requested_by, requested_at, expires_at)
         SELECT id, $2 - interval '1 day', $2, id, $2, $2 FROM unnest($1::uuid[]) AS export (id)",
    );
    noted.bind(&ids).bind(now).execute(&setup.database.pool).await.expect("noted");
    let keys: Vec<String> = ids.iter().map(|id| format!("ledger-exports/{id}.csv")).collect();
    for key in &keys {
        objects.put(key, "text/csv", b"x".to_vec()).await.expect("stored");
    }
    setup.storage.lock(&keys[0]);
    let sweep = sweeps::delete_expired(setup.database.pool.clone(), objects.clone());
    assert_eq!(sweep.run(now).await.expect("swept"), Ran { done: 29, failed: 1 });
    assert_eq!(setup.storage.files(), 1);
    let waits = sqlx::query_as::<_, (Uuid, bool)>("SELECT item_id, reason IS NOT NULL FROM billing.job_item");
    assert_eq!(waits.fetch_all(&setup.database.pool).await.expect("rows"), [(ids[0], true)]);
    assert_eq!(sweep.run(now).await.expect("swept"), Ran::default(), "not at once");
    assert_eq!(sweep.run(now + TimeDelta::hours(1)).await.expect("swept"), Ran { done: 0, failed: 1 });
}

#[tokio::test]
async fn files_that_nobody_has_are_removed_when_they_are_old_and_one_that_cannot_be_keeps_no_other() {
    let setup = setup().await;
    let objects = &setup.storage.objects;
    let put = async |key: &String| objects.put(key, "text/csv", b"x".to_vec()).await.expect("stored");
    let left = async |keys: Vec<&String>| {
        let stored = keys.into_iter().map(|key| async move { objects.stored(key).await.expect("an answer").is_some() });
        join_all(stored).await
    };
    let orphan = || format!("ledger-exports/{}.csv", Uuid::now_v7());
    let now = Utc::now();
    let kept = export(&setup, now - TimeDelta::days(1), now).await["export"].clone();
    let deleted = export(&setup, now - TimeDelta::days(1), now).await["export"]["id"].clone();
    let keys: Vec<String> = (0..30).map(|_| orphan()).collect();
    for key in &keys {
        put(key).await;
    }
    // One whose file arrives after it was deleted, one that has no name of an export, and another subgraph's.
    let late = format!("ledger-exports/{}.csv", deleted.as_str().expect("an id"));
    let note = "UPDATE billing.ledger_export SET deleted_at = now() WHERE id = $1::uuid";
    sqlx::query(note).bind(deleted.as_str()).execute(&setup.database.pool).await.expect("noted");
    let (stray, image) = ("ledger-exports/stray".to_owned(), "images/x".to_owned());
    put(&stray).await;
    put(&image).await;
    setup.storage.lock(&keys[0]);
    // The storage tells the time of an object in whole seconds.
    let between = DateTime::from_timestamp(Utc::now().timestamp() + 1, 0).expect("a time");
    tokio::time::sleep((between - Utc::now()).to_std().unwrap_or_default()).await;
    let young = orphan();
    put(&young).await;

    let margin = TimeDelta::hours(24) + TimeDelta::minutes(15);
    let swept = sweeps::delete_orphans(setup.database.pool.clone(), objects.clone(), between + margin);
    let swept = swept.await.expect("swept");
    assert_eq!((swept.removed, swept.failed), (31, 1));
    assert_eq!(left(keys[1..].iter().chain([&late, &stray]).collect()).await, [false; 31]);
    assert_eq!(left(vec![&keys[0], &young, &image]).await, [true; 3]);
    assert_eq!(read(&kept).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_that_fails_or_is_not_what_was_announced_leaves_nothing() {
    let storage = TestStorage::start().await;
    let whole = vec![b'x'; 3 << 20];
    let right = Announced { size: 3 << 20, sha256: Sha256::digest(&whole).into() };
    let part = || Ok(Bytes::from(vec![b'x'; 1 << 20]));
    let broken: Vec<Result<Bytes, std::io::Error>> = vec![part(), part(), Err(std::io::Error::other("the database"))];
    let short = vec![part(), part()];
    let other = vec![part(), part(), Ok(Bytes::from(vec![b'y'; 1 << 20]))];
    let limit = Duration::from_secs(30);
    for parts in [broken, short, other] {
        let put = storage.objects.put_stream("k", "text/csv", &right, stream::iter(parts), limit).await;
        assert!(put.is_err());
        assert_eq!(storage.objects.stored("k").await.expect("an answer"), None);
    }
    let parts: Vec<Result<Bytes, std::io::Error>> = vec![part(), part(), part()];
    storage.objects.put_stream("k", "text/csv", &right, stream::iter(parts), limit).await.expect("stored");
    let stored = storage.objects.stored("k").await.expect("an answer").expect("an object");
    assert_eq!((stored.size, stored.sha256), (3 << 20, Some(hex::encode(right.sha256))));
}
