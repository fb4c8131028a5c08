use chrono::{DateTime, Duration, Utc};

use super::period::{Period, merged, without};

/// Why a time cannot be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unavailable {
    /// The doctor does not work then.
    OutsideHours,
    /// The doctor is with somebody else.
    DoctorTaken,
    /// The patient is somewhere else.
    PatientTaken,
}

/// The appointment book, as far as one doctor and one patient are concerned: the same for whoever looks it up, from the
/// database or from anywhere else.
#[derive(Clone, Debug, Default)]
pub struct Book {
    open: Vec<Period>,
    doctor: Vec<Period>,
    patient: Vec<Period>,
}

impl Book {
    /// From when the doctor works, and when either is somewhere already.
    pub fn new(open: Vec<Period>, doctor: Vec<Period>, patient: Vec<Period>) -> Self {
        Self { open: merged(open), doctor: merged(doctor), patient: merged(patient) }
    }

    /// Whether a time can be booked.
    ///
    /// # Errors
    /// Why not; that the doctor does not work comes first.
    pub fn admit(&self, wanted: Period) -> Result<(), Unavailable> {
        let is_taken = |taken: &[Period]| taken.iter().any(|one| one.overlaps(wanted));
        if !self.open.iter().any(|one| one.contains(wanted)) {
            Err(Unavailable::OutsideHours)
        } else if is_taken(&self.doctor) {
            Err(Unavailable::DoctorTaken)
        } else if is_taken(&self.patient) {
            Err(Unavailable::PatientTaken)
        } else {
            Ok(())
        }
    }

    /// The first time of this length, from a moment on, that can be booked.
    pub fn next_free(&self, from: DateTime<Utc>, length: Duration) -> Option<Period> {
        let fits = |free: &Period| {
            let start = free.start().max(from);
            let found = Period::new(start, start.checked_add_signed(length)?)?;
            free.contains(found).then_some(found)
        };
        self.free().iter().find_map(fits)
    }

    /// Times of this length within another that can be booked, one behind the other from the beginning of each time that is
    /// free; this many at the most.
    pub fn slots(&self, within: Period, length: Duration, at_most: usize) -> Vec<Period> {
        let of = |free: Period| {
            let first = Period::new(free.start(), free.start() + length);
            let next = move |one: &Period| Period::new(one.end(), one.end() + length);
            std::iter::successors(first, next).take_while(move |one| free.contains(*one))
        };
        self.free().into_iter().flat_map(of).filter(|one| within.contains(*one)).take(at_most).collect()
    }

    fn free(&self) -> Vec<Period> {
        without(&without(&self.open, &self.doctor), &self.patient)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(start: i64, end: i64) -> Period {
        let minute = |number| DateTime::UNIX_EPOCH + Duration::minutes(number);
        Period::new(minute(start), minute(end)).expect("not empty")
    }

    #[test]
    fn why_a_time_cannot_be_booked_is_told_and_an_end_is_free_again() {
        let book = Book::new(vec![period(0, 100)], vec![period(10, 20)], vec![period(30, 40)]);
        assert_eq!(book.admit(period(20, 30)), Ok(()));
        assert_eq!(book.admit(period(19, 30)), Err(Unavailable::DoctorTaken));
        assert_eq!(book.admit(period(20, 31)), Err(Unavailable::PatientTaken));
        assert_eq!(book.admit(period(90, 101)), Err(Unavailable::OutsideHours));
        assert_eq!(book.next_free(period(15, 16).start(), Duration::minutes(11)), Some(period(40, 51)));
        assert_eq!(book.next_free(period(95, 96).start(), Duration::minutes(6)), None);
        assert_eq!(book.slots(period(0, 100), Duration::minutes(30), 9), [period(40, 70), period(70, 100)]);
    }

    fn some() -> impl Strategy<Value = Vec<Period>> {
        prop::collection::vec((0_i64..90, 1_i64..30), 0..6)
            .prop_map(|pairs| pairs.into_iter().map(|(start, length)| period(start, start + length)).collect())
    }

    proptest! {
        #[test]
        fn the_next_free_time_can_be_booked_and_none_before_it_can(
            open in some(), doctor in some(), patient in some(), from in 0_i64..90, length in 1_i64..20,
        ) {
            let book = Book::new(open, doctor, patient);
            let at = |start: i64| period(start, start + length);
            let expected = (from..150).map(at).find(|one| book.admit(*one).is_ok());
            prop_assert_eq!(book.next_free(at(from).start(), Duration::minutes(length)), expected);
            for slot in book.slots(period(0, 150), Duration::minutes(length), usize::MAX) {
                prop_assert_eq!(book.admit(slot), Ok(()));
            }
        }
    }
}
