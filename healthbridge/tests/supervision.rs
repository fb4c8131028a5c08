//! What `up` does when a part of it dies or hangs, and who may read what it keeps.

mod stack;

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{Stack, is_running, kill, patients, writes};

/// Waits until a client gets the chart again.
async fn answers(client: &Client, within: Duration) -> Duration {
    let begun = Instant::now();
    loop {
        let answer = client.try_ask("{ patients(first: 1) { nodes { id } } }", Value::Null).await;
        if answer.is_ok_and(|answer| answer.body["data"]["patients"]["nodes"][0]["id"].is_string()) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < within, "no answer within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_killed_is_started_again_and_up_says_so() {
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let router = stack.part("router");
    kill(router, "KILL");
    stack.wait_until("the router has ended");
    stack.wait_until("the router is back");
    answers(&doctor, Duration::from_secs(5)).await;
    assert_ne!(stack.part("router"), router);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_hangs_is_killed_and_started_again() {
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let router = stack.part("router");
    kill(router, "STOP");
    stack.wait_until("the router does not answer");
    stack.wait_until("the router is back");
    answers(&doctor, Duration::from_secs(5)).await;
    assert!(!is_running(router));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_or_hangs_is_started_again_and_what_it_acknowledged_is_there() {
    let stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let count = || acknowledged.lock().expect("whole").len();
    for (signal, told) in [("KILL", "PostgreSQL has ended"), ("STOP", "PostgreSQL does not answer")] {
        let postgres = stack.part("postgres");
        let (before, writing) = (count(), tokio::spawn(register_for_ever(doctor.clone(), acknowledged.clone())));
        while count() < before + 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        kill(postgres, signal);
        stack.wait_until(told);
        stack.wait_until("PostgreSQL is back");
        answers(&doctor, Duration::from_secs(5)).await;
        writing.abort();
        assert!(!is_running(postgres));
    }
    let acknowledged = acknowledged.lock().expect("whole").clone();
    for id in &acknowledged {
        let data = doctor.data("query ($id: ID!) { patient(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(&data["patient"]["id"], id);
    }
    assert_eq!(stack.verify_billing(), "the ledger, the balances and the billings agree\n");
}

/// Registers patients, and notes those that were acknowledged.
async fn register_for_ever(doctor: Client, acknowledged: Arc<Mutex<Vec<Value>>>) {
    loop {
        let asked = tokio::time::timeout(Duration::from_secs(2), writes::register(&doctor));
        if let Ok(Some(id)) = asked.await {
            acknowledged.lock().expect("whole").push(id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_dies_again_and_again_ends_everything_with_the_reason() {
    let mut stack = Stack::start();
    for time in 1..=5 {
        kill(stack.part("router"), "KILL");
        stack.wait_until(&format!("starting it again ({time} of 5 within a minute)"));
        stack.wait_until("the router is back");
    }
    kill(stack.part("router"), "KILL");
    let (status, errors) = stack.ended();
    assert!(!status.success());
    let reason = "the router was started again 5 times within a minute, and still has ended (signal: 9 (SIGKILL))";
    assert!(errors.contains(reason), "{errors}");
    assert_eq!(stack.processes(), Vec::<u32>::new(), "left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_stops_in_time_while_a_part_is_being_started_again_or_hangs() {
    let mut stack = Stack::start();
    for (part, signal) in [("router", "KILL"), ("postgres", "KILL"), ("router", "STOP"), ("postgres", "STOP")] {
        kill(stack.part(part), signal);
        if signal == "KILL" {
            stack.wait_until("starting it again (1 of 5 within a minute)");
        }
        let (took, was_well) = stack.signal("INT");
        assert!(took < Duration::from_secs(5) && was_well, "{part} after {signal}: {took:?}");
        assert_eq!(stack.processes(), Vec::<u32>::new(), "left behind: {part} after {signal}");
        stack.restart();
    }
}

/// Everything below a folder, with its mode.
fn modes(folder: &Path) -> Vec<(std::path::PathBuf, bool, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map_while(Result::ok) {
        // The database removes files of its own meanwhile.
        let Ok(meta) = entry.path().symlink_metadata() else { continue };
        if meta.is_dir() {
            found.extend(modes(&entry.path()));
        }
        if !meta.is_symlink() && (meta.is_dir() || meta.is_file()) {
            found.push((entry.path(), meta.is_dir(), meta.permissions().mode() & 0o7777));
        }
    }
    found
}

fn assert_closed(stack: &Stack) {
    let all = modes(&stack.data_dir);
    assert!(all.len() > 1000, "only {} files", all.len());
    let open = all.iter().filter(|(_, is_folder, mode)| *mode != if *is_folder { 0o700 } else { 0o600 });
    assert_eq!(open.map(|(path, _, mode)| format!("{mode:o} {}", path.display())).collect::<Vec<_>>(), [""; 0]);
    // Root's database is another user's, who may pass through and not look in; nobody else may do either.
    let mode = std::fs::metadata(&stack.data_dir).expect("a folder").permissions().mode() & 0o7777;
    assert!(mode & 0o067 == 0, "{mode:o}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_at_rest_is_open_to_others_and_what_was_is_closed_at_the_next_start() {
    let mut stack = Stack::start();
    let doctor = stack.sign_in("doctor").await;
    let patient = patients(&doctor, 1).await.remove(0);
    writes::upload(&doctor, &patient, b"an image at rest").await.expect("uploaded");
    assert_closed(&stack);
    stack.signal("TERM");
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(&stack.data_dir).status().expect("it runs");
    assert!(opened.success());
    stack.restart();
    assert_closed(&stack);
    assert_eq!(patients(&stack.sign_in("doctor").await, 100).await.len(), 25);
}
