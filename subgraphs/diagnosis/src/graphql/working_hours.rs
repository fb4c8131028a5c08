use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Code, Date, Time, UserError, batch, caller, many, now, parse_id, service, settled};
use healthbridge_outcome::Fault;

use super::conflict::is_conflict;
use crate::{
    domain::{self, Hours, Weekday},
    service::{AllWorkingHours, SetWorkingHours},
};

/// When a doctor works: hours of the week by the clock of the clinic's time zone, from a day on (FHIR Schedule). Of those that
/// cover a day the ones that began last count.
pub(crate) struct WorkingHours(pub(crate) Arc<domain::WorkingHours>);

/// When a doctor works: hours of the week by the clock of the clinic's time zone, from a day on (FHIR Schedule). Of those that
/// cover a day the ones that began last count.
#[Object]
impl WorkingHours {
    /// The first day.
    async fn valid_from(&self) -> Date {
        Date(self.0.valid_from)
    }

    /// The last day; null where they are for ever.
    async fn valid_until(&self) -> Option<Date> {
        self.0.valid_until.map(Date)
    }

    /// The hours, in the order of the week. None on days off.
    async fn hours(&self) -> Vec<WeeklyHours> {
        self.0.hours.iter().map(Into::into).collect()
    }

    /// When they were last set.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The version: 1 when they were first set for this day, and one more with each change. Changes take it as
    /// `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Hours of one day of the week.
#[derive(SimpleObject)]
pub(crate) struct WeeklyHours {
    /// On which day.
    weekday: Code<Weekday>,
    /// From when on, by the clock, as `08:00`. A time that the clock skips is the moment at which it is set forward; of one
    /// that it shows twice it is the first.
    from: String,
    /// Until when, as `17:00`; `24:00` is the end of the day.
    to: String,
}

impl From<&Hours> for WeeklyHours {
    fn from(hours: &Hours) -> Self {
        Self { weekday: Code(hours.weekday), from: hours.from.write(), to: hours.to.write() }
    }
}

batch! {
    /// The working hours of doctors.
    WorkingHoursOf = AllWorkingHours::of_doctors() -> domain::WorkingHours, by |hours| hours.doctor_id
}

/// All that were ever set for a doctor, in the order of their first days.
pub(super) async fn of_doctor(ctx: &Context<'_>, id: &ID) -> Result<Option<Vec<WorkingHours>>, Fault> {
    let Some(id) = parse_id(id) else { return Ok(None) };
    Ok(Some(many::<WorkingHoursOf>(ctx, id, ()).await?.into_iter().map(WorkingHours).collect()))
}

/// Hours of one day of the week.
#[derive(InputObject)]
pub(crate) struct WeeklyHoursInput {
    /// On which day.
    weekday: Code<Weekday>,
    /// From when on, by the clock of the clinic's time zone, as `08:00`.
    from: String,
    /// Until when, as `17:00`; `24:00` is the end of the day. Hours over midnight are those of two days.
    to: String,
}

/// When a doctor works from a day on.
#[derive(InputObject)]
pub(crate) struct SetWorkingHoursInput {
    /// The member of the medical staff.
    doctor_id: ID,
    /// The first day on which the hours count.
    valid_from: Date,
    /// The last one; for ever where it is left out. Afterwards those count again that counted before.
    valid_until: Option<Date>,
    /// The hours, which do not overlap; an empty list is time off.
    hours: Vec<WeeklyHoursInput>,
    /// The version that the caller saw of the hours with the same first day; left out where there are none. Another one is
    /// refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
}

impl From<SetWorkingHoursInput> for SetWorkingHours {
    fn from(input: SetWorkingHoursInput) -> Self {
        Self {
            doctor_id: input.doctor_id.0,
            valid_from: input.valid_from.0,
            valid_until: input.valid_until.map(|day| day.0),
            hours: input.hours.into_iter().map(|one| (one.weekday.0, one.from, one.to)).collect(),
            expected_version: input.expected_version,
        }
    }
}

/// Working hours, or why there are none.
#[derive(SimpleObject)]
pub(crate) struct WorkingHoursPayload {
    /// The working hours. Beside a `VERSION_CONFLICT` they are as somebody else has left them.
    working_hours: Option<WorkingHours>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// What is done with working hours.
#[derive(Default)]
pub(super) struct WorkingHoursMutation;

#[Object]
impl WorkingHoursMutation {
    /// Sets when a doctor works from a day on, in the place of those that were set from the same day on. What is booked
    /// already stays; whoever has no working hours can be booked at any time.
    #[graphql(requires_scopes = "user/Appointment.u", requires_scopes = "system/Appointment.u")]
    async fn set_working_hours(
        &self,
        ctx: &Context<'_>,
        input: SetWorkingHoursInput,
    ) -> Result<Option<WorkingHoursPayload>, Fault> {
        let (doctor, first_day) = (input.doctor_id.clone(), input.valid_from.0);
        let outcome = service::<AllWorkingHours>(ctx).set(caller(ctx), input.into(), now()).await;
        let is_conflict = is_conflict(&outcome);
        let (set, user_errors) = settled(outcome)?;
        let mut working_hours = set.map(|set| WorkingHours(Arc::new(set)));
        if is_conflict {
            let all = of_doctor(ctx, &doctor).await?.unwrap_or_default();
            working_hours = all.into_iter().find(|one| one.0.valid_from == first_day);
        }
        Ok(Some(WorkingHoursPayload { working_hours, user_errors }))
    }
}
