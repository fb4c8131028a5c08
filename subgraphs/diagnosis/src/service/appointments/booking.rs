use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Making, Once, failpoint};
use healthbridge_outcome::{Checked, Fault, Outcome, Refusals, UserErrorCode};
use healthbridge_rights::Reach;
use serde::{Serialize, Serializer};
use sqlx::PgConnection;
use uuid::Uuid;

use super::calendar::{self, Refused};
use crate::{
    domain::{Appointment, AppointmentStatus},
    store::appointments,
};

/// A time to be booked, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BookAppointment {
    pub patient_id: String,
    pub doctor_id: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub reason: Option<String>,
    pub note: Option<String>,
}

/// It on its way.
pub(super) struct Booking<'a> {
    pub input: &'a BookAppointment,
    /// For whom the caller books.
    pub reach: Reach,
    pub refused: Refused,
}

/// The key is bound to what was sent.
impl Serialize for Booking<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.input.serialize(serializer)
    }
}

impl Change for Booking<'_> {
    const NAME: &'static str = "bookAppointment";
    type Made = Appointment;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Appointment> {
        let appointment = self.check(making.id, making.user_id(), making.now)?;
        let now = making.now;
        let people = [appointment.doctor_id, appointment.patient_id];
        appointments::lock_people(making.connection(), &people).await?;
        failpoint(Self::NAME, "people locked");
        self.refused.or_pass(making.connection(), Self::NAME, &appointment, now).await?;
        appointments::insert(making.connection(), &appointment).await.map_err(Refused::by_database)?;
        Ok(appointment)
    }
}

impl Once for Booking<'_> {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Appointment>, Fault> {
        Ok(appointments::by_id(connection, &[id], None).await?.into_iter().next())
    }
}

impl Booking<'_> {
    fn check(&self, id: Uuid, booked_by: Uuid, now: DateTime<Utc>) -> Checked<Appointment> {
        let (mut refusals, input) = (Refusals::default(), self.input);
        // A patient who names somebody else learns what is told of nobody.
        let patient_id = Uuid::try_parse(&input.patient_id).ok().filter(|id| self.reach.covers(*id));
        if patient_id.is_none() {
            refusals.add("patientId", UserErrorCode::NotFound, "There is no such patient");
        }
        let doctor_id = Uuid::try_parse(&input.doctor_id);
        if doctor_id.is_err() {
            refusals.add("doctorId", UserErrorCode::NotFound, "There is no such member of the staff");
        }
        let period = calendar::wanted(&mut refusals, input.start, input.end, now);
        let reason = refusals.optional_line("reason", input.reason.as_deref());
        let note = refusals.optional_text("note", input.note.as_deref());
        let appointment = period.map(|period| Appointment {
            id,
            status: AppointmentStatus::Booked,
            patient_id: patient_id.unwrap_or_default(),
            doctor_id: doctor_id.unwrap_or_default(),
            period,
            reason,
            note,
            cancel_reason: None,
            booked_by,
            created_at: now,
            updated_at: now,
            version: 1,
        });
        // Without a time there is a refusal.
        refusals.or(appointment)?.ok_or_else(Vec::new)
    }
}
