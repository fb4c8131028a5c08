use chrono::{DateTime, Duration, Utc};

/// A stretch of time with an end that does not belong to it: half-open, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Period {
    /// From a moment until before another one; `None` where that is not later.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Its first moment.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The first moment that is no longer in it.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        self.end - self.start
    }

    /// Whether both have a moment in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether the other one lies within this one.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// The same time in order and without overlaps; what touches becomes one.
pub fn merged(mut periods: Vec<Period>) -> Vec<Period> {
    periods.sort();
    let mut merged: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods {
        match merged.last_mut() {
            Some(last) if period.start <= last.end => last.end = last.end.max(period.end),
            _ => merged.push(period),
        }
    }
    merged
}

/// What is left of some periods without others; both are [`merged`].
pub fn without(periods: &[Period], taken: &[Period]) -> Vec<Period> {
    let mut left = Vec::new();
    let mut from = 0;
    for period in periods {
        while taken.get(from).is_some_and(|one| one.end <= period.start) {
            from += 1;
        }
        let mut start = period.start;
        for one in taken[from..].iter().take_while(|one| one.start < period.end) {
            left.extend(Period::new(start, one.start));
            start = one.end;
        }
        left.extend(Period::new(start, period.end));
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(number)
    }

    fn period(start: i64, end: i64) -> Period {
        Period::new(minute(start), minute(end)).expect("not empty")
    }

    #[test]
    fn an_end_belongs_to_no_period_and_an_empty_one_is_none() {
        assert!(!period(0, 10).overlaps(period(10, 20)) && period(0, 11).overlaps(period(10, 20)));
        assert!(period(0, 10).contains(period(0, 10)) && !period(0, 10).contains(period(0, 11)));
        assert_eq!(Period::new(minute(1), minute(1)), None);
        assert_eq!(merged(vec![period(10, 20), period(0, 10), period(15, 18)]), [period(0, 20)]);
    }

    fn some() -> impl Strategy<Value = Vec<Period>> {
        prop::collection::vec((0_i64..60, 1_i64..20), 0..8)
            .prop_map(|pairs| pairs.into_iter().map(|(start, length)| period(start, start + length)).collect())
    }

    proptest! {
        #[test]
        fn what_is_left_is_minute_by_minute_what_is_in_the_one_and_not_in_the_other(one in some(), other in some()) {
            let left = without(&merged(one.clone()), &merged(other.clone()));
            for number in 0..80 {
                let within = |periods: &[Period]| periods.iter().any(|each| each.contains(period(number, number + 1)));
                prop_assert_eq!(within(&left), within(&one) && !within(&other), "{}", number);
            }
            prop_assert!(left.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
