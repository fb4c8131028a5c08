//! A clinic that knows nothing of databases, by the rules that the program has.

use chrono::{DateTime, Days, TimeDelta, Utc};
use healthbridge_diagnosis::domain::{
    Appointment, AppointmentStatus, Book, ClockTime, Hours, Period, Step, Unavailable, Weekday, WorkingHours, open,
};
use proptest::prelude::*;
use uuid::Uuid;

/// So many doctors and patients.
const DOCTORS: usize = 2;
const PATIENTS: usize = 3;
/// Times are in pieces of so many minutes.
const PIECE: i64 = 15;

/// What can be done with the book.
#[derive(Clone, Debug)]
pub enum Command {
    Book { doctor: usize, patient: usize, from: i64, pieces: i64 },
    Move { which: usize, doctor: usize, from: i64, pieces: i64 },
    Take { which: usize, step: Step },
    SetHours { doctor: usize, from: u16, hours: u16 },
    Wait { pieces: i64 },
}

impl Command {
    pub fn is_about_the_clock(&self) -> bool {
        matches!(self, Self::Wait { .. })
    }
}

pub fn command() -> impl Strategy<Value = Command> {
    let (doctor, patient, from, pieces) = (0..DOCTORS, 0..PATIENTS, 0_i64..40, 1_i64..9);
    let step = prop::sample::select(Step::ALL.to_vec());
    prop_oneof![
        6 => (doctor.clone(), patient, from.clone(), pieces.clone())
            .prop_map(|(doctor, patient, from, pieces)| Command::Book { doctor, patient, from, pieces }),
        3 => (0_usize..99, doctor.clone(), from, pieces.clone())
            .prop_map(|(which, doctor, from, pieces)| Command::Move { which, doctor, from, pieces }),
        6 => (0_usize..99, step).prop_map(|(which, step)| Command::Take { which, step }),
        1 => (doctor, 0_u16..12, 1_u16..12).prop_map(|(doctor, from, hours)| Command::SetHours { doctor, from, hours }),
        1 => pieces.prop_map(|pieces| Command::Wait { pieces }),
    ]
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// There is nothing that it could be done with.
    Nothing,
    /// The time is not free; the next one is.
    NotFree(Unavailable, Option<Period>),
    /// The appointment does not go there.
    Illegal,
    /// The appointment does not move any more.
    Immutable,
}

impl Answer {
    pub const NAMES: [&str; 6] =
        ["done", "OUT_OF_RANGE", "ALREADY_EXISTS", "ILLEGAL_TRANSITION", "IMMUTABLE", "nothing"];

    /// The code that a client gets.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Nothing => "nothing",
            Self::NotFree(Unavailable::OutsideHours, _) => "OUT_OF_RANGE",
            Self::NotFree(Unavailable::DoctorTaken | Unavailable::PatientTaken, _) => "ALREADY_EXISTS",
            Self::Illegal => "ILLEGAL_TRANSITION",
            Self::Immutable => "IMMUTABLE",
        }
    }
}

/// All people and appointments.
#[derive(Clone, Debug)]
pub struct Clinic {
    pub doctors: Vec<Uuid>,
    pub patients: Vec<Uuid>,
    pub hours: Vec<WorkingHours>,
    pub appointments: Vec<Appointment>,
    begin: DateTime<Utc>,
    now: DateTime<Utc>,
}

pub fn midnight_after(moment: DateTime<Utc>) -> DateTime<Utc> {
    (moment.date_naive() + Days::new(1)).and_hms_opt(0, 0, 0).expect("midnight").and_utc()
}

impl Clinic {
    /// A clinic whose first appointments begin at one moment, as it is at another one.
    pub fn new(begin: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let people = |count: usize| (0..count).map(|_| Uuid::new_v4()).collect();
        Self {
            doctors: people(DOCTORS),
            patients: people(PATIENTS),
            hours: Vec::new(),
            appointments: Vec::new(),
            begin,
            now,
        }
    }

    pub fn period(&self, from: i64, pieces: i64) -> Period {
        let start = self.begin + TimeDelta::minutes(PIECE * from);
        Period::new(start, start + TimeDelta::minutes(PIECE * pieces)).expect("a time")
    }

    pub fn which(&self, which: usize) -> Option<usize> {
        (!self.appointments.is_empty()).then(|| which % self.appointments.len())
    }

    /// Does a command, or says why not.
    pub fn take(&mut self, command: &Command) -> Answer {
        match *command {
            Command::Wait { pieces } => {
                self.now += TimeDelta::minutes(PIECE * pieces);
                Answer::Done
            }
            Command::SetHours { doctor, from, hours } => {
                self.set_hours(self.doctors[doctor], from, hours);
                Answer::Done
            }
            Command::Book { doctor, patient, from, pieces } => {
                let (doctor_id, patient_id) = (self.doctors[doctor], self.patients[patient]);
                let wanted = self.wanted(doctor_id, patient_id, self.period(from, pieces));
                self.place(wanted, None)
            }
            Command::Move { which, doctor, from, pieces } => {
                let Some(place) = self.which(which) else { return Answer::Nothing };
                let old = &self.appointments[place];
                if !old.status.can_move() {
                    return Answer::Immutable;
                }
                let moved = Appointment {
                    doctor_id: self.doctors[doctor],
                    period: self.period(from, pieces),
                    ..old.changed(self.now)
                };
                if (moved.doctor_id, moved.period) == (old.doctor_id, old.period) {
                    self.appointments[place] = moved;
                    return Answer::Done;
                }
                self.place(moved, Some(place))
            }
            Command::Take { which, step } => {
                let Some(place) = self.which(which) else { return Answer::Nothing };
                match self.appointments[place].after(step, self.now) {
                    Some(next) => {
                        self.appointments[place] = next;
                        Answer::Done
                    }
                    None => Answer::Illegal,
                }
            }
        }
    }

    fn place(&mut self, wanted: Appointment, instead_of: Option<usize>) -> Answer {
        let ahead = Period::new(wanted.period.start(), wanted.period.start() + TimeDelta::days(31)).expect("a time");
        let book = self.book(&wanted, ahead);
        if let Err(why) = book.admit(wanted.period) {
            return Answer::NotFree(why, book.next_free(wanted.period.start(), wanted.period.length()));
        }
        match instead_of {
            Some(place) => self.appointments[place] = wanted,
            None => self.appointments.push(wanted),
        }
        Answer::Done
    }

    fn book(&self, wanted: &Appointment, within: Period) -> Book {
        let others = || self.appointments.iter().filter(|one| one.id != wanted.id && one.status.takes_time());
        let hours: Vec<_> = self.hours.iter().filter(|one| one.doctor_id == wanted.doctor_id).cloned().collect();
        Book::new(
            open(&hours, chrono_tz::UTC, within),
            others().filter(|one| one.doctor_id == wanted.doctor_id).map(|one| one.period).collect(),
            others().filter(|one| one.patient_id == wanted.patient_id).map(|one| one.period).collect(),
        )
    }

    fn wanted(&self, doctor_id: Uuid, patient_id: Uuid, period: Period) -> Appointment {
        Appointment {
            id: Uuid::new_v4(),
            status: AppointmentStatus::Booked,
            patient_id,
            doctor_id,
            period,
            reason: None,
            note: None,
            cancel_reason: None,
            booked_by: Uuid::nil(),
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        }
    }

    fn set_hours(&mut self, doctor_id: Uuid, from: u16, hours: u16) {
        let time = |hour: u16| ClockTime::read(&format!("{hour:02}:00")).expect("a time");
        let week = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let each = |weekday| Hours { weekday, from: time(from), to: time(from + hours) };
        let version = self.hours.iter().find(|one| one.doctor_id == doctor_id).map_or(1, |one| one.version + 1);
        self.hours.retain(|one| one.doctor_id != doctor_id);
        self.hours.push(WorkingHours {
            doctor_id,
            valid_from: "2026-01-01".parse().expect("a day"),
            valid_until: None,
            hours: week.map(each).to_vec(),
            updated_at: self.now,
            updated_by: Uuid::nil(),
            version,
        });
    }

    /// Looks at each minute of each person, and at each status, with rules that are written down here once more.
    pub fn assert_sound(&self, before: &Self, answer: &Answer) {
        for one in &self.appointments {
            let old = before.appointments.iter().find(|old| old.id == one.id);
            assert!(is_legal(old.map(|old| old.status), one.status), "{old:?} became {one:?}");
            if *answer != Answer::Done {
                assert_eq!(Some(one), old, "nothing was changed");
            }
        }
        assert!(self.appointments.len() >= before.appointments.len(), "nothing was removed");
        let taking = || {
            let free =
                |one: &&Appointment| !matches!(one.status, AppointmentStatus::Cancelled | AppointmentStatus::Noshow);
            self.appointments.iter().filter(free)
        };
        for person in self.doctors.iter().chain(&self.patients) {
            let theirs = || taking().filter(|one| one.doctor_id == *person || one.patient_id == *person);
            let mut minutes = vec![0_u8; 24 * 60];
            for one in theirs() {
                let minute = |at: DateTime<Utc>| usize::try_from((at - self.begin).num_minutes()).expect("later");
                minutes[minute(one.period.start())..minute(one.period.end())].iter_mut().for_each(|taken| *taken += 1);
            }
            assert!(
                minutes.iter().all(|taken| *taken <= 1),
                "{person} is in two places: {:?}",
                theirs().collect::<Vec<_>>()
            );
        }
    }
}

/// Which status follows which, and with which an appointment begins.
fn is_legal(old: Option<AppointmentStatus>, new: AppointmentStatus) -> bool {
    use AppointmentStatus::{Booked, Cancelled, CheckedIn, Fulfilled, Noshow};
    match (old, new) {
        (None, Booked) | (Some(Booked), CheckedIn | Noshow | Cancelled) | (Some(CheckedIn), Fulfilled | Cancelled) => {
            true
        }
        (Some(old), new) => old == new,
        (None, _) => false,
    }
}
