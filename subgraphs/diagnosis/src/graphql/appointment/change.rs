use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Time, UserError, caller, entity, now, service, settled};
use healthbridge_outcome::{Fault, Outcome};
use uuid::Uuid;

use super::{Appointment, AppointmentById, TimeSlot};
use crate::{
    domain::{self, Step},
    graphql::conflict::is_conflict,
    service::{Appointments, AskedTime, BookAppointment, StepAppointment, UpdateAppointment},
};

/// A time to be booked.
#[derive(InputObject)]
pub(crate) struct BookAppointmentInput {
    /// Who is to come.
    patient_id: ID,
    /// The member of the medical staff whom the patient is to see.
    doctor_id: ID,
    /// When it begins, within five years.
    start: Time,
    /// When it ends, one minute to 24 hours after it begins: the time is half-open, at its end both are free again.
    end: Time,
    /// Why the patient comes, in one line of plain text.
    reason: Option<String>,
    /// A comment in plain text.
    note: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

/// What changes about an appointment. A field that is left out stays as it is.
#[derive(InputObject)]
pub(crate) struct UpdateAppointmentInput {
    /// The appointment.
    appointment_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// Another member of the medical staff.
    doctor_id: Option<ID>,
    /// When it begins.
    start: Option<Time>,
    /// When it ends: the time is half-open.
    end: Option<Time>,
    /// Why the patient comes, in one line of plain text; an empty one takes it away.
    reason: Option<String>,
    /// A comment in plain text; an empty one takes it away.
    note: Option<String>,
}

/// A step to be taken with an appointment.
#[derive(InputObject)]
pub(crate) struct AppointmentStepInput {
    /// The appointment.
    appointment_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// An appointment to be cancelled.
#[derive(InputObject)]
pub(crate) struct CancelAppointmentInput {
    /// The appointment.
    appointment_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The reason, in one line of plain text.
    reason: String,
}

impl From<BookAppointmentInput> for BookAppointment {
    fn from(input: BookAppointmentInput) -> Self {
        Self {
            patient_id: input.patient_id.0,
            doctor_id: input.doctor_id.0,
            start: input.start.into(),
            end: input.end.into(),
            reason: input.reason,
            note: input.note,
        }
    }
}

impl From<UpdateAppointmentInput> for UpdateAppointment {
    fn from(input: UpdateAppointmentInput) -> Self {
        Self {
            appointment_id: input.appointment_id.0,
            expected_version: input.expected_version,
            doctor_id: input.doctor_id.map(|id| id.0),
            start: input.start.map(Into::into),
            end: input.end.map(Into::into),
            reason: input.reason,
            note: input.note,
        }
    }
}

/// An appointment, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct AppointmentPayload {
    /// The appointment. Beside a `VERSION_CONFLICT` it is as somebody else has left it.
    appointment: Option<Appointment>,
    /// The next time of the same length at which the doctor works and both are free, within 31 days, where a time was
    /// refused.
    next_free_slot: Option<TimeSlot>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl AppointmentPayload {
    fn of((outcome, next): AskedTime) -> Result<Self, Fault> {
        let (appointment, user_errors) = settled(outcome)?;
        let appointment = appointment.map(|appointment| Appointment(Arc::new(appointment)));
        Ok(Self { appointment, next_free_slot: next.map(TimeSlot::from), user_errors })
    }

    /// With the appointment as it is now, where somebody else has changed it meanwhile.
    async fn or_as_it_is(ctx: &Context<'_>, id: &ID, asked: AskedTime) -> Result<Option<Self>, Fault> {
        let is_conflict = is_conflict(&asked.0);
        let mut payload = Self::of(asked)?;
        if is_conflict {
            payload.appointment = entity::<AppointmentById>(ctx, id).await?.map(Appointment);
        }
        Ok(Some(payload))
    }
}

/// What is done with appointments.
#[derive(Default)]
pub(in crate::graphql) struct AppointmentMutation;

#[Object]
impl AppointmentMutation {
    /// Books a time with a doctor. Where the doctor or the patient has another appointment it is refused with
    /// `ALREADY_EXISTS`, outside of the doctor's working hours with `OUT_OF_RANGE`, both with the next time that is free. A
    /// doctor without working hours can be booked at any time.
    #[graphql(
        requires_scopes = "user/Appointment.c",
        requires_scopes = "patient/Appointment.c",
        requires_scopes = "system/Appointment.c"
    )]
    async fn book_appointment(
        &self,
        ctx: &Context<'_>,
        input: BookAppointmentInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        let key = input.idempotency_key;
        let asked = service::<Appointments>(ctx).book(caller(ctx), &input.into(), key, now()).await?;
        AppointmentPayload::of(asked).map(Some)
    }

    /// Moves an appointment to another time or doctor, or changes what is written about it. A time that is not free is
    /// refused as by `bookAppointment`; time and doctor are `IMMUTABLE` once the patient has come, and everything is once it
    /// is over.
    #[graphql(requires_scopes = "user/Appointment.u", requires_scopes = "system/Appointment.u")]
    async fn update_appointment(
        &self,
        ctx: &Context<'_>,
        input: UpdateAppointmentInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        let id = input.appointment_id.clone();
        let asked = service::<Appointments>(ctx).update(caller(ctx), &input.into(), now()).await?;
        AppointmentPayload::or_as_it_is(ctx, &id, asked).await
    }

    /// Checks the patient in: BOOKED or ARRIVED to CHECKED_IN; anything else is an `ILLEGAL_TRANSITION`.
    #[graphql(requires_scopes = "user/Appointment.u", requires_scopes = "system/Appointment.u")]
    async fn check_in_appointment(
        &self,
        ctx: &Context<'_>,
        input: AppointmentStepInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        step(ctx, input, Step::CheckIn, None).await
    }

    /// Says that the appointment took place: CHECKED_IN to FULFILLED; anything else is an `ILLEGAL_TRANSITION`.
    #[graphql(requires_scopes = "user/Appointment.u", requires_scopes = "system/Appointment.u")]
    async fn fulfil_appointment(
        &self,
        ctx: &Context<'_>,
        input: AppointmentStepInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        step(ctx, input, Step::Fulfil, None).await
    }

    /// Says that the patient did not come: BOOKED to NOSHOW, from the start of the appointment on; anything else is an
    /// `ILLEGAL_TRANSITION`. The time is free again.
    #[graphql(requires_scopes = "user/Appointment.u", requires_scopes = "system/Appointment.u")]
    async fn mark_appointment_no_show(
        &self,
        ctx: &Context<'_>,
        input: AppointmentStepInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        step(ctx, input, Step::MissIt, None).await
    }

    /// Cancels an appointment that is not over, for a reason. It is never removed; its time is free again.
    #[graphql(
        requires_scopes = "user/Appointment.u",
        requires_scopes = "patient/Appointment.u",
        requires_scopes = "system/Appointment.u"
    )]
    async fn cancel_appointment(
        &self,
        ctx: &Context<'_>,
        input: CancelAppointmentInput,
    ) -> Result<Option<AppointmentPayload>, Fault> {
        let CancelAppointmentInput { appointment_id, expected_version, reason } = input;
        step(ctx, AppointmentStepInput { appointment_id, expected_version }, Step::Cancel, Some(reason)).await
    }
}

async fn step(
    ctx: &Context<'_>,
    input: AppointmentStepInput,
    step: Step,
    reason: Option<String>,
) -> Result<Option<AppointmentPayload>, Fault> {
    let AppointmentStepInput { appointment_id, expected_version } = input;
    let wanted = StepAppointment { appointment_id: appointment_id.to_string(), expected_version, step, reason };
    let outcome: Outcome<domain::Appointment> = service::<Appointments>(ctx).step(caller(ctx), wanted, now()).await;
    AppointmentPayload::or_as_it_is(ctx, &appointment_id, (outcome, None)).await
}
