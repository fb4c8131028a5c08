//! How often and when a part is started again, and when it counts as dead although it runs: rules without a clock.

use std::{collections::VecDeque, time::Duration};

/// A part that was started again as often as there are waits within this time is given up.
const WINDOW: Duration = Duration::from_secs(60);

/// How long to wait before each start: a part that dies once is back at once, one that dies again and again is given time.
const WAITS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// How often a part is started again before it is given up.
pub(super) const MOST: usize = WAITS.len();

/// The starts of one part that are not forgotten yet.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    begun: VecDeque<Duration>,
}

impl Restarts {
    /// Asks for a start at this time, counted from any fixed moment. Gives how long to wait before it; `None` when it was
    /// started often enough. `was_well` says whether the part answered since its last start: starts that fail in a row are
    /// not forgotten however long each takes.
    pub(super) fn next(&mut self, now: Duration, was_well: bool) -> Option<Duration> {
        while was_well && self.begun.front().is_some_and(|begun| now.saturating_sub(*begun) >= WINDOW) {
            self.begun.pop_front();
        }
        let wait = *WAITS.get(self.begun.len())?;
        self.begun.push_back(now + wait);
        Some(wait)
    }

    /// How many starts are not forgotten.
    pub(super) fn count(&self) -> usize {
        self.begun.len()
    }
}

/// The last answers of a part to the question whether it is well.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// One bit for each of the last questions, the newest lowest; set where the answer was missing.
    missed: u8,
}

/// How many of the last questions are looked at. More than are needed: where one of two workers hangs, only every second
/// question goes unanswered.
const REMEMBERED: u32 = 6;

/// With so many answers missing among them the part hangs.
const MISSES: u32 = 3;

impl Health {
    /// Notes an answer; gives whether the part hangs.
    pub(super) fn note(&mut self, answered: bool) -> bool {
        self.missed = (self.missed << 1 | u8::from(!answered)) & ((1 << REMEMBERED) - 1);
        self.missed.count_ones() >= MISSES
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn the_first_start_is_at_once_and_the_waits_grow_and_stay_below_two_seconds() {
        let mut restarts = Restarts::default();
        let waits: Vec<Duration> = std::iter::from_fn(|| restarts.next(Duration::ZERO, true)).collect();
        assert_eq!((waits.len(), waits[0]), (5, Duration::ZERO));
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]) && waits[4] < Duration::from_secs(2), "{waits:?}");
    }

    #[test]
    fn a_part_that_runs_well_for_a_minute_begins_anew_and_one_that_never_comes_up_does_not() {
        let mut restarts = Restarts::default();
        for _ in 0..5 {
            restarts.next(Duration::ZERO, true);
        }
        assert_eq!(restarts.next(Duration::from_secs(600), false), None);
        assert_eq!(restarts.next(Duration::from_secs(600), true), Some(Duration::ZERO));
    }

    #[test]
    fn three_misses_in_a_row_or_every_second_one_mean_that_it_hangs_and_two_do_not() {
        let hangs = |answers: &[bool]| {
            let mut health = Health::default();
            answers.iter().map(|answer| health.note(*answer)).collect::<Vec<_>>()
        };
        assert_eq!(hangs(&[false, false, false]), [false, false, true]);
        assert_eq!(hangs(&[false, true, false, true, false]), [false, false, false, false, true]);
        assert_eq!(hangs(&[false, false, true, true, true, true, false, false]), [false; 8]);
    }

    proptest! {
        #[test]
        fn never_more_than_five_starts_within_a_minute_and_never_given_up_with_fewer(steps in vec(0_u64..40_000, 1..60)) {
            let (mut restarts, mut now, mut begun) = (Restarts::default(), Duration::ZERO, Vec::<Duration>::new());
            for step in steps {
                now += Duration::from_millis(step);
                let recent = begun.iter().filter(|start| now.saturating_sub(**start) < WINDOW).count();
                if let Some(wait) = restarts.next(now, true) {
                    prop_assert!(recent < MOST);
                    now += wait;
                    begun.push(now);
                } else {
                    prop_assert_eq!(recent, MOST);
                }
            }
        }

        #[test]
        fn answers_alone_never_count_as_hanging(answers in vec(any::<bool>(), 0..50)) {
            let mut health = Health::default();
            for (index, answer) in answers.iter().enumerate() {
                let from = (index + 1).saturating_sub(6);
                let missing = answers[from..=index].iter().filter(|answer| !**answer).count();
                prop_assert_eq!(health.note(*answer), missing >= 3);
            }
        }
    }
}
