//! When somebody is free, from the database.

use std::sync::OnceLock;

use chrono::{DateTime, Duration, SecondsFormat, SubsecRound, Utc};
use chrono_tz::Tz;
use healthbridge_change::failpoint;
use healthbridge_outcome::{Fault, Outcome, Refusals, Stop, UserErrorCode};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    domain::{Appointment, Book, Period, Unavailable, open, whole_days},
    store::{
        appointments::{self, Person},
        working_hours,
    },
};

/// How long an appointment is at the most and at the least.
const LONGEST: Duration = Duration::hours(24);
const SHORTEST: Duration = Duration::minutes(1);
/// How far ahead a time can be booked.
const AHEAD: Duration = Duration::days(5 * 366);
/// How far from a time that was refused the next one is looked for.
const HORIZON: Duration = Duration::days(31);
/// For how long free times are told at once, and how many.
const LONGEST_RANGE: Duration = Duration::days(62);
const MOST_SLOTS: usize = 1000;

/// Reads a time that is to be booked.
pub(super) fn wanted(
    refusals: &mut Refusals,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Period> {
    let period = Period::new(start.trunc_subsecs(6), end.trunc_subsecs(6));
    let length = period.map(Period::length).filter(|length| (SHORTEST..=LONGEST).contains(length));
    if length.is_none() {
        refusals.add("end", UserErrorCode::OutOfRange, "An appointment lasts from one minute to 24 hours");
    }
    if end <= now {
        refusals.add("end", UserErrorCode::OutOfRange, "The time is over");
    }
    if start > now + AHEAD {
        refusals.add("start", UserErrorCode::OutOfRange, "The time is more than five years ahead");
    }
    period
}

/// By which clock it is looked up whether a time is free, and what is told where it is not.
#[derive(Debug)]
pub(super) struct Refused {
    zone: Tz,
    next: OnceLock<Period>,
}

impl Refused {
    pub(super) fn in_zone(zone: Tz) -> Self {
        Self { zone, next: OnceLock::new() }
    }

    /// The next time that is free, where one was refused.
    pub(super) fn next(&self) -> Option<Period> {
        self.next.get().copied()
    }

    /// Lets an appointment pass whose doctor and patient are free. Both are locked: what is free stays so until the end of
    /// the transaction.
    pub(super) async fn or_pass(
        &self,
        connection: &mut PgConnection,
        operation: &'static str,
        appointment: &Appointment,
        now: DateTime<Utc>,
    ) -> Outcome<()> {
        let period = appointment.period;
        let Err(why) = book(connection, operation, self.zone, appointment, period).await?.admit(period) else {
            return Ok(());
        };
        let from = period.start().max(now);
        let next = match Period::new(from, from + HORIZON) {
            Some(ahead) => {
                book(connection, operation, self.zone, appointment, ahead).await?.next_free(from, period.length())
            }
            None => None,
        };
        if let Some(next) = next {
            // It is set once: an operation asks for one time.
            let _ = self.next.set(next);
        }
        Err(refusal(why, next))
    }

    /// The refusal of what the database alone has noticed.
    pub(super) fn by_database(error: sqlx::Error) -> Stop {
        if appointments::is_in_two_places(&error) {
            let message = "The doctor or the patient is booked at this time";
            return Stop::refuse("start", UserErrorCode::AlreadyExists, message);
        }
        error.into()
    }
}

fn refusal(why: Unavailable, next: Option<Period>) -> Stop {
    let (code, what) = match why {
        Unavailable::OutsideHours => (UserErrorCode::OutOfRange, "The doctor does not work at this time"),
        Unavailable::DoctorTaken => (UserErrorCode::AlreadyExists, "The doctor is booked at this time"),
        Unavailable::PatientTaken => (UserErrorCode::AlreadyExists, "The patient has another appointment at this time"),
    };
    let next = match next {
        Some(next) => format!("the next free time is {}", next.start().to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        None => format!("there is no free time within {} days", HORIZON.num_days()),
    };
    Stop::refuse("start", code, format!("{what}: {next}"))
}

/// What the appointment book has of an appointment's doctor and patient in a time, without itself.
async fn book(
    connection: &mut PgConnection,
    operation: &'static str,
    zone: Tz,
    appointment: &Appointment,
    within: Period,
) -> Result<Book, sqlx::Error> {
    let (doctor, patient) = (appointment.doctor_id, appointment.patient_id);
    let hours = working_hours::of_doctors(&mut *connection, &[doctor]).await?;
    failpoint(operation, "hours read");
    let itself = Some(appointment.id);
    let doctors = appointments::taken(connection, Person::Doctor(doctor), within, itself).await?;
    failpoint(operation, "doctor looked up");
    let patients = appointments::taken(connection, Person::Patient(patient), within, itself).await?;
    failpoint(operation, "patient looked up");
    Ok(Book::new(open(&hours, zone, within), doctors, patients))
}

/// Which free times somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct SlotsWanted {
    pub doctor_id: Uuid,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub minutes: i32,
}

/// The free times of a doctor from now on.
pub(super) async fn free_slots(
    pool: &PgPool,
    zone: Tz,
    wanted: &SlotsWanted,
    now: DateTime<Utc>,
) -> Result<Vec<Period>, Fault> {
    let length = Duration::minutes(wanted.minutes.into());
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(Fault::BadInput("`minutes` is from 1 to 1440".to_owned()));
    }
    let Some(range) = Period::new(wanted.from, wanted.to).filter(|range| range.length() <= LONGEST_RANGE) else {
        let message = format!("`to` is later than `from`, by {} days at the most", LONGEST_RANGE.num_days());
        return Err(Fault::BadInput(message));
    };
    let Some(range) = Period::new(range.start().max(now), range.end()) else { return Ok(Vec::new()) };
    // Where slots begin follows from the day, and not from when somebody asks.
    let days = whole_days(zone, range).unwrap_or(range);
    let mut connection = pool.acquire().await?;
    let hours = working_hours::of_doctors(&mut *connection, &[wanted.doctor_id]).await?;
    let taken = appointments::taken(&mut connection, Person::Doctor(wanted.doctor_id), days, None).await?;
    let book = Book::new(open(&hours, zone, days), taken, Vec::new());
    Ok(book.slots(range, length, MOST_SLOTS))
}
