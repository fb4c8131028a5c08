//! Clients write and break off while parts of the program are killed without warning, over and over: nothing that was
//! acknowledged is missing, a key has one answer, the books are right.
//!
//! Some rounds are run with all tests. More are run by the number of rounds and a seed that makes others of them:
//!
//! ```sh
//! HEALTHBRIDGE_KILL_ROUNDS=1000 HEALTHBRIDGE_KILL_SEED=2 ./dev test --run-ignored only a_thousand_kills
//! ```

mod acknowledged;
mod clients;
mod rows;
#[path = "../stack/mod.rs"]
mod stack;

use std::{
    fmt,
    time::{Duration, Instant},
};

use acknowledged::Acknowledged;
use clients::{Clients, Done};
use stack::{Stack, is_running, kill};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Router,
    Postgres,
    /// `up` itself, with the subgraphs and the storage in it.
    Parent,
    /// `up` and all that it has started, at once.
    Everything,
}

/// As often `up` starts a part again before it gives up; one more would end everything.
const RESTARTS: usize = 5;

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    /// A number below another.
    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What was done and found.
#[derive(Default)]
struct Counts {
    kills: [usize; 4],
    replays: usize,
    rows: rows::Found,
    longest_outage: Duration,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [router, postgres, parent, everything] = self.kills;
        write!(
            f,
            "killed: router {router}, PostgreSQL {postgres}, up {parent}, everything {everything}; longest outage {:.1} s; \
             unanswered requests repeated: {}; {}",
            self.longest_outage.as_secs_f64(),
            self.replays,
            self.rows
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_missing_after_kills_under_writes_that_clients_break_off() {
    kill_and_look(10, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes an hour and more; see the head of the file"]
async fn a_thousand_kills() {
    let number = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    kill_and_look(number("HEALTHBRIDGE_KILL_ROUNDS", 1000), number("HEALTHBRIDGE_KILL_SEED", 1)).await;
}

async fn kill_and_look(rounds: u64, seed: u64) {
    let (mut stack, mut dice, mut counts) = (Stack::start(), Dice(seed), Counts::default());
    let mut acknowledged = Acknowledged::default();
    // Of this life of `up`.
    let mut restarts = [0; 2];
    for round in 1..=rounds {
        let clients = Clients::start(&stack, dice.below(u64::MAX)).await;
        clients.wait_for(3).await;
        tokio::time::sleep(Duration::from_millis(dice.below(80))).await;
        let victim = match dice.below(8) {
            0..3 if restarts[0] < RESTARTS => Victim::Router,
            3..6 if restarts[1] < RESTARTS => Victim::Postgres,
            6 => Victim::Everything,
            _ => Victim::Parent,
        };
        let begun = Instant::now();
        let done = strike(&mut stack, victim, clients, &mut restarts).await;
        counts.longest_outage = counts.longest_outage.max(begun.elapsed());
        counts.kills[victim as usize] += 1;
        let Done { written, unanswered, sessions } = done;
        counts.replays += unanswered.len();
        let readers = clients::Readers::sign_in(&stack).await;
        let repeated = clients::repeat(&readers, unanswered).await;
        acknowledged.check_sessions(&readers, sessions).await;
        acknowledged.check_and_keep(&readers, written.into_iter().chain(repeated)).await;
        if round % 50 == 0 || round == rounds {
            acknowledged.check_all(&readers).await;
            assert_eq!(stack.verify_billing(), "the ledger, the balances and the billings agree\n", "round {round}");
            let log = stack.verify("diagnosis");
            assert!(log.ends_with("entries of the workflow log are as they were sealed\n"), "round {round}: {log}");
            counts.rows = rows::check(&stack.data_dir).await;
            println!("seed {seed}, {round} rounds: {acknowledged}; {counts}; {}", log.trim());
        }
    }
}

/// Kills somebody, lets the clients go on into the outage, and waits until all is well again.
async fn strike(stack: &mut Stack, victim: Victim, clients: Clients, restarts: &mut [usize; 2]) -> Done {
    let supervised =
        [(Victim::Router, "router", "the router is back"), (Victim::Postgres, "postgres", "PostgreSQL is back")];
    for ((one, name, told), count) in supervised.into_iter().zip(restarts.iter_mut()) {
        if one == victim {
            kill(stack.part(name), "KILL");
            *count += 1;
            tokio::task::block_in_place(|| stack.wait_until(told));
            clients.wait_for(2).await;
            return clients.stop().await;
        }
    }
    let parent = stack.id();
    let tree = if victim == Victim::Everything { stack.kill_tree() } else { stack.kill_parent() };
    let done = clients.stop().await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while tree.iter().any(|id| is_running(*id)) || !stack.processes().is_empty() {
        assert!(Instant::now() < deadline, "left behind by {parent}: {:?}", stack.processes());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::task::block_in_place(|| stack.restart());
    *restarts = [0; 2];
    done
}
