//! How the workflow log is appended to, sealed and verified, on a real database.

mod setup;

use std::{pin::pin, time::Duration};

use chrono::{DateTime, Utc};
use healthbridge_chain::{Chain, Checkpoints, Difference, Notary, catch_up, public_key, verify};
use healthbridge_diagnosis::Log;
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{Setup, setup, setup_by};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

impl Setup {
    /// A connection whose transaction has appended an entry and goes on.
    async fn appending(&self, note: &str) -> PgConnection {
        let mut connection = PgConnection::connect_with(&self.database.options).await.expect("connected");
        connection.execute("BEGIN").await.expect("begun");
        append(&mut connection, note).await;
        connection
    }

    async fn add(&self, note: &str) -> Value {
        let add =
            "mutation ($note: String!) { addWorkflowLog(input: { action: CHECKED_IN, note: $note }) { log { seq } } }";
        self.as_role(Role::Nurse).data(add, json!({ "note": note })).await["addWorkflowLog"]["log"]["seq"].clone()
    }

    /// The notes in the order of their places.
    async fn notes(&self) -> Vec<Value> {
        let logs =
            self.as_role(Role::Nurse).data("{ workflowLogs(first: 100) { nodes { seq note } } }", Value::Null).await;
        let logs = logs["workflowLogs"]["nodes"].as_array().cloned().expect("entries");
        let places: Vec<_> = logs.iter().rev().map(|log| log["seq"].clone()).collect();
        assert_eq!(places, (1..=logs.len()).map(|seq| json!(seq.to_string())).collect::<Vec<_>>());
        logs.iter().rev().map(|log| log["note"].clone()).collect()
    }

    /// What somebody does who may do everything.
    async fn by_hand(&self, statements: &str) {
        let statements =
            format!("SET session_replication_role = replica; {statements}; RESET session_replication_role");
        self.database.pool.execute(AssertSqlSafe(statements)).await.expect("done");
    }
}

async fn append(connection: &mut PgConnection, note: &str) {
    let append = "INSERT INTO diagnosis.workflow_log_waiting (id, occurred_at, recorded_at, user_id, action, note)
        VALUES (gen_random_uuid(), now(), now(), gen_random_uuid(), 'OTHER', $1)";
    sqlx::query(append).bind(note).execute(connection).await.expect("appended");
}

async fn append_many(pool: &PgPool, count: i32) {
    let append = "INSERT INTO diagnosis.workflow_log_waiting (id, occurred_at, recorded_at, user_id, action, note)
        SELECT gen_random_uuid(), now(), now(), gen_random_uuid(), 'OTHER', 'n' || n FROM generate_series(1, $1) AS n";
    sqlx::query(append).bind(count).execute(pool).await.expect("appended");
}

async fn differences(pool: &PgPool, checkpoints: Option<Checkpoints>) -> Vec<Difference> {
    let mut found = Vec::new();
    verify::<Log>(pool, checkpoints, |difference| found.push(difference)).await.expect("verified");
    found
}

#[tokio::test]
async fn an_append_waits_for_no_open_transaction_that_has_appended() {
    let setup = setup().await;
    let mut open = setup.appending("open").await;
    assert_eq!(setup.add("other").await, json!("1"));
    assert_eq!(setup.notes().await, ["other"]);
    open.execute("COMMIT").await.expect("committed");
    assert_eq!(setup.notes().await, ["other", "open"]);
}

#[tokio::test]
async fn an_entry_that_could_not_be_sealed_is_not_said_to_be_undone_and_its_key_gives_it_later() {
    let mut pool = None;
    let setup = setup_by(|database| {
        let patient = database.only_connection();
        let options = patient.options().clone().acquire_timeout(Duration::from_secs(1));
        pool.insert(options.connect_lazy_with(database.options.clone())).clone()
    });
    let (setup, pool) = (setup.await, pool.expect("the subgraph's pool"));
    let nurse = setup.as_role(Role::Nurse);
    let add = "mutation ($key: UUID!) { addWorkflowLog(input: { action: CHECKED_IN, idempotencyKey: $key }) { log { seq } } }";
    let key = json!({ "key": Uuid::new_v4() });
    let mut closed = PgConnection::connect_with(&setup.database.options).await.expect("connected");
    closed.execute("BEGIN; LOCK TABLE diagnosis.workflow_log_waiting IN SHARE MODE").await.expect("locked");
    let asked = tokio::spawn({
        let (nurse, key) = (nurse.clone(), key.clone());
        async move { nurse.ask(add, key).await }
    });
    let inserts = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'diagnosis.workflow_log_waiting'::regclass)";
    while !sqlx::query_scalar::<_, bool>(inserts).fetch_one(&mut closed).await.expect("an answer") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The only connection is somebody else's as soon as the entry is committed.
    let mut next = pin!(pool.acquire());
    assert!(futures::poll!(&mut next).is_pending());
    closed.execute("COMMIT").await.expect("let go");
    let held = next.await.expect("the only connection");
    assert_eq!(asked.await.expect("an answer").codes(), ["INTERNAL_SERVER_ERROR"]);
    drop(held);
    assert_eq!(nurse.data(add, key).await["addWorkflowLog"]["log"]["seq"], json!("1"));
    assert_eq!(setup.notes().await.len(), 1);
}

#[tokio::test]
async fn places_follow_the_commits_and_not_the_insertions() {
    let setup = setup().await;
    let (mut first, mut second) = (setup.appending("first").await, setup.appending("second").await);
    append(&mut first, "first again").await;
    for connection in [&mut second, &mut first] {
        connection.execute("COMMIT").await.expect("committed");
    }
    assert_eq!(setup.notes().await, ["second", "first", "first again"]);
}

#[tokio::test]
async fn what_is_rolled_back_or_killed_leaves_no_gap() {
    let setup = setup().await;
    assert_eq!(setup.add("before").await, json!("1"));
    setup.appending("rolled back").await.execute("ROLLBACK").await.expect("rolled back");
    let mut killed = setup.appending("killed").await;
    let id: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut killed).await.expect("an id");
    let kill = sqlx::query("SELECT pg_terminate_backend($1, 10000)").bind(id);
    kill.execute(&setup.database.pool).await.expect("killed");
    assert_eq!(setup.add("after").await, json!("2"));
    assert_eq!(setup.notes().await, ["before", "after"]);
    assert_eq!(differences(&setup.database.pool, None).await, []);
}

#[tokio::test]
async fn what_waits_is_neither_changed_nor_lost() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    append_many(pool, 1).await;
    for statement in [
        "UPDATE diagnosis.workflow_log_waiting SET note = 'x'",
        "UPDATE diagnosis.workflow_log_waiting SET turn = turn + 1",
        "DELETE FROM diagnosis.workflow_log_waiting",
        "TRUNCATE diagnosis.workflow_log_waiting",
        // An entry that was changed on its way into the log.
        "INSERT INTO diagnosis.workflow_log SELECT 1, id, occurred_at, recorded_at, user_id, action, 'x', NULL, NULL, NULL, '', ''
             FROM diagnosis.workflow_log_waiting;
         DELETE FROM diagnosis.workflow_log_waiting",
    ] {
        let refused = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement).to_string();
        assert!(refused.contains("workflow_log_waiting"), "{refused}");
    }
    assert_eq!(setup.notes().await, ["n1"]);
}

#[tokio::test]
async fn what_a_replica_cannot_read_waits_with_all_behind_it_and_what_is_before_it_is_sealed() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    append_many(pool, 2).await;
    pool.execute(
        "INSERT INTO diagnosis.workflow_log_waiting (id, occurred_at, recorded_at, user_id, action, note)
                  VALUES (gen_random_uuid(), now(), now(), gen_random_uuid(), 'FROM_A_LATER_VERSION', 'later')",
    )
    .await
    .expect("appended");
    append_many(pool, 1).await;
    assert_eq!(setup.notes().await, ["n1", "n2"]);
    let waiting = "SELECT array_agg(note ORDER BY turn) FROM diagnosis.workflow_log_waiting";
    let waiting = sqlx::query_scalar::<_, Vec<String>>(waiting).fetch_one(pool).await.expect("notes");
    assert_eq!(waiting, ["later", "n1"]);
    assert_eq!(differences(pool, None).await, []);
}

#[tokio::test]
async fn sealers_at_once_give_each_entry_one_place() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    append_many(pool, 1200).await;
    let sealers = (0..5).map(|_| catch_up::<Log>(pool));
    futures::future::try_join_all(sealers).await.expect("sealed");
    let mut found = Vec::new();
    let end = verify::<Log>(pool, None, |difference| found.push(difference)).await.expect("verified");
    assert_eq!((end, found), (1200, Vec::new()));
    let in_order = "SELECT bool_and(note = 'n' || seq) FROM diagnosis.workflow_log";
    assert!(sqlx::query_scalar::<_, bool>(in_order).fetch_one(pool).await.expect("an answer"));
    assert!(!catch_up::<Log>(pool).await.expect("an answer"), "nothing waits");
}

#[tokio::test]
async fn entries_that_were_changed_or_removed_by_hand_are_named() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    append_many(pool, 9).await;
    catch_up::<Log>(pool).await.expect("sealed");
    assert_eq!(differences(pool, None).await, []);
    setup.by_hand("UPDATE diagnosis.workflow_log SET note = 'x' WHERE seq = 2").await;
    setup.by_hand("UPDATE diagnosis.workflow_log SET action = 'no action' WHERE seq = 4").await;
    setup.by_hand("DELETE FROM diagnosis.workflow_log WHERE seq IN (6, 7)").await;
    let inside = [Difference::Changed(2), Difference::Changed(4), Difference::Missing(6, 7)];
    assert_eq!(differences(pool, None).await, inside);
    setup.by_hand("DELETE FROM diagnosis.workflow_log WHERE seq = 9").await;
    assert_eq!(differences(pool, None).await, [&inside[..], &[Difference::Ahead(9, 8)]].concat());
    setup.by_hand("UPDATE diagnosis.workflow_log_head SET seq = 5").await;
    assert_eq!(differences(pool, None).await, [&inside[..], &[Difference::Behind(5, 8)]].concat());
}

#[tokio::test]
async fn an_end_that_was_cut_off_with_its_head_is_noticed_by_a_checkpoint() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    let folder = tempfile::tempdir().expect("a folder");
    let (key, file) = (folder.path().join("key.pem"), folder.path().join("checkpoints"));
    let notary = Notary::open_or_create(&key, file.clone()).expect("a key");
    let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().expect("a time");
    let checkpoints = || Checkpoints::open(&file, public_key(&key).expect("a key"), Log::NAME).expect("a file");
    for _ in 0..3 {
        append_many(pool, 2).await;
        catch_up::<Log>(pool).await.expect("sealed");
        notary.attest::<Log>(pool, noon).await.expect("attested");
    }
    assert_eq!(differences(pool, Some(checkpoints())).await, []);
    setup
        .by_hand(
            "DELETE FROM diagnosis.workflow_log WHERE seq > 3;
             UPDATE diagnosis.workflow_log_head SET (seq, hash) =
                 (SELECT seq, hash FROM diagnosis.workflow_log WHERE seq = 3)",
        )
        .await;
    assert_eq!(differences(pool, None).await, [], "the chain alone knows nothing of it");
    let cut = |seq| Difference::Cut(seq, noon);
    assert_eq!(differences(pool, Some(checkpoints())).await, [cut(4), cut(6)]);
    notary.attest::<Log>(pool, noon).await.expect_err("the chain is shorter than it was");
    append_many(pool, 2).await;
    catch_up::<Log>(pool).await.expect("sealed");
    let other = Difference::Other(4, noon);
    assert_eq!(differences(pool, Some(checkpoints())).await, [other, cut(6)], "other entries are put there");
}
