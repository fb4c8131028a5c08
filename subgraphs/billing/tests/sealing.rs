//! The ledger as one chain: how movements get their places, and what is noticed of a ledger that was cut.

mod setup;

use chrono::{DateTime, Utc};
use healthbridge_billing::{Ledger, verify, verify_each};
use healthbridge_chain::{Chain, Checkpoints, Notary, catch_up, public_key};
use healthbridge_rights::Role;
use serde_json::json;
use setup::{ADD, Setup, input, setup};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

impl Setup {
    /// Charges patients, one movement each.
    async fn charge(&self, patients: &[Uuid]) {
        let clerk = self.as_role(Role::Clerk);
        for patient in patients {
            clerk.data(ADD, json!({ "input": input(*patient, "1", "10", "EUR") })).await;
        }
    }

    /// What somebody does who may do everything.
    async fn by_hand(&self, statements: &str) {
        let statements =
            format!("SET session_replication_role = replica; {statements}; RESET session_replication_role");
        self.database.pool.execute(AssertSqlSafe(statements)).await.expect("done");
    }

    async fn found(&self, checkpoints: Option<Checkpoints>) -> Vec<String> {
        let mut found = Vec::new();
        let verified = verify_each(&self.database.pool, checkpoints, |difference| found.push(difference));
        verified.await.expect("verified");
        found
    }
}

fn patients(count: usize) -> Vec<Uuid> {
    (0..count).map(|_| Uuid::now_v7()).collect()
}

#[tokio::test]
async fn movements_of_many_clients_get_their_places_from_many_sealers() {
    let setup = setup().await;
    let (pool, patients) = (&setup.database.pool, patients(3));
    let clients = futures::future::join_all((0..6).map(|_| setup.charge(&patients)));
    let sealers = futures::future::join_all((0..6).map(|_| async {
        for _ in 0..10 {
            catch_up::<Ledger>(pool).await.expect("sealed");
        }
    }));
    futures::join!(clients, sealers);
    assert_eq!(verify(pool).await.expect("verified"), Vec::<String>::new(), "some may wait");
    catch_up::<Ledger>(pool).await.expect("sealed");
    assert!(!catch_up::<Ledger>(pool).await.expect("sealed"), "nothing waits");
    let places = sqlx::query_as("SELECT count(*), min(seq), max(seq) FROM billing.ledger_seal").fetch_one(pool);
    let places: (i64, i64, i64) = places.await.expect("counted");
    assert_eq!(places, (18, 1, 18));
    assert_eq!(verify(pool).await.expect("verified"), Vec::<String>::new());
}

#[tokio::test]
async fn what_waits_is_not_lost_and_what_is_sealed_stays() {
    let setup = setup().await;
    let pool = &setup.database.pool;
    setup.charge(&patients(2)).await;
    for statement in [
        "UPDATE billing.ledger_waiting SET movement_id = gen_random_uuid()",
        "DELETE FROM billing.ledger_waiting",
        "TRUNCATE billing.ledger_waiting",
    ] {
        let refused = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement).to_string();
        assert!(refused.contains("ledger_waiting"), "{refused}");
    }
    catch_up::<Ledger>(pool).await.expect("sealed");
    for statement in [
        "UPDATE billing.ledger_seal SET seq = seq + 1",
        "DELETE FROM billing.ledger_seal",
        "TRUNCATE billing.ledger_seal",
    ] {
        let refused = pool.execute(AssertSqlSafe(statement)).await.expect_err(statement).to_string();
        assert!(refused.contains("ledger_seal"), "{refused}");
    }
}

#[tokio::test]
async fn a_movement_that_was_taken_out_of_the_chain_is_named() {
    let setup = setup().await;
    setup.charge(&patients(3)).await;
    setup
        .by_hand("DELETE FROM billing.ledger_waiting WHERE turn = (SELECT min(turn) FROM billing.ledger_waiting)")
        .await;
    catch_up::<Ledger>(&setup.database.pool).await.expect("sealed");
    let found = setup.found(None).await;
    assert!(matches!(&found[..], [only] if only.ends_with("it is not in the ledger's chain")), "{found:?}");
}

#[tokio::test]
async fn a_patients_whole_account_that_was_removed_is_named() {
    let setup = setup().await;
    let [kept, gone] = [Uuid::now_v7(), Uuid::now_v7()];
    setup.charge(&[kept, gone, kept]).await;
    catch_up::<Ledger>(&setup.database.pool).await.expect("sealed");
    assert_eq!(setup.found(None).await, Vec::<String>::new());
    setup.by_hand(&remove(&format!("patient_id = '{gone}'"))).await;
    let chain = "the ledger's chain: entry 2: it was changed";
    assert_eq!(setup.found(None).await, [chain], "balances, billings and postings alone know nothing of it");
}

#[tokio::test]
async fn an_end_of_the_ledger_that_was_cut_off_with_all_that_knew_it_is_noticed_by_a_checkpoint() {
    let setup = setup().await;
    let (pool, folder) = (&setup.database.pool, tempfile::tempdir().expect("a folder"));
    let (key, file) = (folder.path().join("key.pem"), folder.path().join("checkpoints"));
    let notary = Notary::open_or_create(&key, file.clone()).expect("a key");
    let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().expect("a time");
    let checkpoints = || Checkpoints::open(&file, public_key(&key).expect("a key"), Ledger::NAME).expect("a file");
    for _ in 0..3 {
        setup.charge(&patients(2)).await;
        catch_up::<Ledger>(pool).await.expect("sealed");
        notary.attest::<Ledger>(pool, noon).await.expect("attested");
    }
    assert_eq!(setup.found(Some(checkpoints())).await, Vec::<String>::new());
    let cut = "id IN (SELECT movement_id FROM billing.ledger_seal WHERE seq > 4)";
    setup.by_hand(&remove(cut)).await;
    setup
        .by_hand(
            "DELETE FROM billing.ledger_seal WHERE seq > 4;
             UPDATE billing.ledger_head SET (seq, hash) = (SELECT seq, hash FROM billing.ledger_seal WHERE seq = 4)",
        )
        .await;
    assert_eq!(setup.found(None).await, Vec::<String>::new(), "the ledger alone knows nothing of it");
    let known = "the ledger's chain: entry 6: it is missing, a checkpoint of 2026-01-01 12:00:00 UTC knows it";
    assert_eq!(setup.found(Some(checkpoints())).await, [known]);
    notary.attest::<Ledger>(pool, noon).await.expect_err("the ledger is shorter than it was");
}

#[tokio::test]
async fn who_replaces_the_databases_own_function_of_digests_is_not_believed() {
    let setup = setup().await;
    setup.charge(&patients(1)).await;
    catch_up::<Ledger>(&setup.database.pool).await.expect("sealed");
    setup
        .by_hand(
            "CREATE OR REPLACE FUNCTION billing.movement_digest(previous bytea, movement billing.movement) RETURNS bytea
                 LANGUAGE sql STABLE AS 'SELECT movement.digest';
             UPDATE billing.movement SET reference = 'forged'",
        )
        .await;
    let found = setup.found(None).await;
    assert!(matches!(&found[..], [only] if only.contains("were changed")), "{found:?}");
}

#[tokio::test]
async fn a_billing_that_was_removed_and_a_movement_in_the_middle_are_named_once() {
    let setup = setup().await;
    let (gone, other) = (Uuid::now_v7(), Uuid::now_v7());
    setup.charge(&[gone, other, other, other, other]).await;
    catch_up::<Ledger>(&setup.database.pool).await.expect("sealed");
    setup.by_hand(&format!("DELETE FROM billing.billing WHERE patient_id = '{gone}'")).await;
    let found = setup.found(None).await;
    assert!(matches!(&found[..], [only] if only.starts_with("billing ")), "{found:?}");
    setup.by_hand(&format!("DELETE FROM billing.movement WHERE patient_id = '{other}' AND place = 2")).await;
    let changed = setup.found(None).await.into_iter().filter(|text| text.contains("were changed")).count();
    assert_eq!(changed, 1, "the one behind it alone");
}

/// Removes movements, and all of their patients that balances, billings and postings say of them.
fn remove(movements: &str) -> String {
    format!(
        "CREATE TEMPORARY TABLE gone AS SELECT id, patient_id FROM billing.movement WHERE {movements};
         DELETE FROM billing.posting WHERE movement_id IN (SELECT id FROM gone);
         DELETE FROM billing.movement WHERE id IN (SELECT id FROM gone);
         DELETE FROM billing.billing WHERE patient_id IN (SELECT patient_id FROM gone);
         DELETE FROM billing.balance WHERE patient_id IN (SELECT patient_id FROM gone);
         DROP TABLE gone"
    )
}
