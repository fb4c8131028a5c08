//! Random sequences of what happens to bills: the books balance, and come to what an independent computation in whole minor
//! units says.

mod books;
mod program;
#[path = "../setup/mod.rs"]
mod setup;

use std::collections::HashMap;

use books::{Bill, Books, Sums, minor, step};
use healthbridge_billing::verify;
use healthbridge_rights::Role;
use program::Program;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use setup::setup;
use uuid::Uuid;

#[test]
fn the_books_balance_after_each_of_a_hundred_thousand_random_sequences() {
    let config = ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() };
    let steps = prop::collection::vec(step(), 1..10);
    let ran = TestRunner::new(config).run(&steps, |steps| {
        let mut books = Books::default();
        for step in &steps {
            // What is not possible is left out.
            let _ = books.take(step);
        }
        prop_assert_eq!(
            books.sums().into_iter().filter(|(_, sums)| *sums != Sums::default()).collect::<HashMap<_, _>>(),
            books
                .expected
                .iter()
                .filter(|(_, sums)| **sums != Sums::default())
                .map(|(code, sums)| (*code, *sums))
                .collect()
        );
        for Bill { billing, .. } in &books.bills {
            prop_assert!(!billing.outstanding().is_negative(), "{:?}", billing);
            prop_assert!(!billing.price.net.is_negative() && minor(billing.refunded) <= minor(billing.paid));
        }
        Ok(())
    });
    ran.expect("the books balance");
}

/// The same through the program and its database, for fewer sequences.
#[tokio::test]
async fn the_database_comes_to_the_same_totals_after_random_sequences() {
    let setup = setup().await;
    let mut runner = TestRunner::deterministic();
    let mut taken = HashMap::new();
    for _ in 0..60 {
        let steps = prop::collection::vec(step(), 4..16).new_tree(&mut runner).expect("steps").current();
        let mut books = Books::default();
        let mut program = Program::new(setup.as_role(Role::Clerk), Uuid::now_v7());
        for step in &steps {
            if books.take(step).is_some() {
                program.take(step, &books).await;
                *taken.entry(std::mem::discriminant(step)).or_insert(0) += 1;
            }
        }
        program.assert_billings(&books, &steps).await;
        program.assert_totals(&books, &steps).await;
    }
    assert!(taken.len() == 8 && taken.values().all(|times| *times >= 5), "every step was taken: {taken:?}");
    assert_eq!(verify(&setup.database.pool).await.expect("verified"), Vec::<String>::new());
}
