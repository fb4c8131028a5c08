//! Random commands at the appointment book: no status is reached by a way that there is not, nobody is in two places at once,
//! and the program with its database answers what the book alone does.

mod book;
mod program;
#[path = "../setup/mod.rs"]
mod setup;

use std::collections::HashMap;

use book::{Answer, Clinic, command};
use chrono::{DateTime, Utc};
use healthbridge_rights::Role;
use program::Program;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use setup::setup;

/// How many commands a sequence has.
const LENGTH: usize = 50;

#[test]
fn a_hundred_thousand_random_commands_lead_to_no_illegal_status_and_no_overlap() {
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    let commands = prop::collection::vec(command(), LENGTH);
    let ran = TestRunner::new(config).run(&commands, |commands| {
        let monday: DateTime<Utc> = "2026-03-23T00:00:00Z".parse().expect("a time");
        let mut clinic = Clinic::new(monday, monday);
        for command in &commands {
            let before = clinic.clone();
            let answer = clinic.take(command);
            clinic.assert_sound(&before, &answer);
        }
        Ok(())
    });
    ran.expect("the book is sound");
}

/// The same through the program and its database, for fewer sequences.
#[tokio::test]
async fn the_program_answers_two_hundred_random_sequences_as_the_book_alone_does() {
    let setup = setup().await;
    let mut runner = TestRunner::deterministic();
    let mut answers: HashMap<&str, usize> = HashMap::new();
    for _ in 0..200 {
        let commands = prop::collection::vec(command(), 4..14).new_tree(&mut runner).expect("commands").current();
        // All of it is to come: the program has a clock of its own.
        let mut clinic = Clinic::new(book::midnight_after(Utc::now()), Utc::now());
        let mut program = Program::new(setup.as_role(Role::Clerk));
        for command in commands.iter().filter(|command| !command.is_about_the_clock()) {
            let expected = clinic.take(command);
            program.assert_answers(command, &expected, &clinic).await;
            *answers.entry(expected.name()).or_default() += 1;
        }
        program.assert_book(&clinic).await;
    }
    for answer in Answer::NAMES {
        assert!(answers.get(answer).is_some_and(|times| *times >= 10), "{answer} was an answer: {answers:?}");
    }
}
