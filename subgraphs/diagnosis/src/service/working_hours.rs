use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_change::{Change, Changes, Making};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    NAME,
    domain::{ClockTime, Hours, Weekday, WorkingHours},
    store::{appointments, working_hours},
};

/// How many stretches of a week a doctor works at the most.
const MOST_HOURS: usize = 100;

/// When doctors work.
pub(crate) struct AllWorkingHours {
    pool: PgPool,
    changes: Changes,
}

impl AllWorkingHours {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The working hours of these doctors, for whoever sees appointments at all.
    pub(crate) async fn of_doctors(&self, caller: &Caller, doctors: &[Uuid]) -> Result<Vec<WorkingHours>, Fault> {
        if caller.reach(Resource::Appointment, Right::Read) == Reach::Nobody {
            return Ok(Vec::new());
        }
        Ok(working_hours::of_doctors(&self.pool, doctors).await?)
    }

    /// Sets when a doctor works from a day on. What is booked already stays.
    pub(crate) async fn set(
        &self,
        caller: &Caller,
        hours: SetWorkingHours,
        now: DateTime<Utc>,
    ) -> Outcome<WorkingHours> {
        caller.require(Resource::Appointment, Right::Update)?;
        self.changes.make(&hours, caller, now).await
    }
}

/// Working hours to be set, as they were sent.
#[derive(Clone, Debug)]
pub(crate) struct SetWorkingHours {
    pub doctor_id: String,
    pub valid_from: NaiveDate,
    pub valid_until: Option<NaiveDate>,
    /// Weekday, from, to.
    pub hours: Vec<(Weekday, String, String)>,
    /// The version of those of the same day that the caller saw, if there are any.
    pub expected_version: Option<i32>,
}

impl Change for SetWorkingHours {
    const NAME: &'static str = "setWorkingHours";
    type Made = WorkingHours;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<WorkingHours> {
        let new = self.check(making.user_id(), making.now)?;
        // Nobody is booked by hours that change meanwhile.
        appointments::lock_people(making.connection(), &[new.doctor_id]).await?;
        let all = working_hours::of_doctors(making.connection(), &[new.doctor_id]).await?;
        let old = all.iter().find(|one| one.valid_from == new.valid_from).map(|one| one.version);
        if old != self.expected_version {
            return Err(UserError::version_conflict().into());
        }
        let new = WorkingHours { version: old.unwrap_or_default() + 1, ..new };
        working_hours::set(making.connection(), &new).await?;
        Ok(new)
    }
}

impl SetWorkingHours {
    fn check(&self, updated_by: Uuid, now: DateTime<Utc>) -> Checked<WorkingHours> {
        let mut refusals = Refusals::default();
        let doctor_id = Uuid::try_parse(&self.doctor_id);
        if doctor_id.is_err() {
            refusals.add("doctorId", UserErrorCode::NotFound, "There is no such member of the staff");
        }
        if self.valid_until.is_some_and(|last| last < self.valid_from) {
            refusals.add("validUntil", UserErrorCode::OutOfRange, "The last day is before the first one");
        }
        if self.hours.len() > MOST_HOURS {
            let message = format!("A week has at most {MOST_HOURS} stretches of hours");
            refusals.add("hours", UserErrorCode::OutOfRange, message);
        }
        let mut hours = Vec::new();
        for (place, (weekday, from, to)) in self.hours.iter().take(MOST_HOURS).enumerate() {
            let from = clock_time(&mut refusals, &format!("hours.{place}.from"), from);
            let to = clock_time(&mut refusals, &format!("hours.{place}.to"), to);
            if let Some((from, to)) = from.zip(to) {
                if from >= to {
                    let message = "The hours end before they begin: hours over midnight are those of two days";
                    refusals.add(&format!("hours.{place}.to"), UserErrorCode::OutOfRange, message);
                }
                hours.push(Hours { weekday: *weekday, from, to });
            }
        }
        hours.sort();
        if hours.windows(2).any(|pair| pair[0].weekday == pair[1].weekday && pair[1].from < pair[0].to) {
            refusals.add("hours", UserErrorCode::OutOfRange, "Hours of one day overlap");
        }
        refusals.or(WorkingHours {
            doctor_id: doctor_id.unwrap_or_default(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            hours,
            updated_at: now,
            updated_by,
            version: 1,
        })
    }
}

fn clock_time(refusals: &mut Refusals, field: &str, text: &str) -> Option<ClockTime> {
    let time = ClockTime::read(text);
    if time.is_none() {
        refusals.add(
            field,
            UserErrorCode::InvalidFormat,
            "This is no time of day of the form HH:MM, from 00:00 to 24:00",
        );
    }
    time
}
