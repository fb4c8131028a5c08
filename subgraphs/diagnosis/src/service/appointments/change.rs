use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Making, new_id};
use healthbridge_outcome::{Checked, Outcome, Refusals, Stop, UserError, UserErrorCode};
use uuid::Uuid;

use super::calendar::{self, Refused};
use crate::{
    domain::{Appointment, Entry, Step, WorkflowAction},
    store::{appointments, workflow_logs},
};

/// What changes about an appointment: `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub(crate) struct UpdateAppointment {
    pub appointment_id: String,
    pub expected_version: i32,
    pub doctor_id: Option<String>,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub note: Option<String>,
}

/// It on its way.
pub(super) struct Moving<'a> {
    pub input: &'a UpdateAppointment,
    pub refused: Refused,
}

impl Change for Moving<'_> {
    const NAME: &'static str = "updateAppointment";
    type Made = Appointment;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Appointment> {
        let old = locked(making, &self.input.appointment_id, self.input.expected_version, None).await?;
        let now = making.now;
        let new = self.check(&old, now)?;
        if (new.doctor_id, new.period) != (old.doctor_id, old.period) {
            let people = [new.doctor_id, new.patient_id];
            appointments::lock_people(making.connection(), &people).await?;
            self.refused.or_pass(making.connection(), Self::NAME, &new, now).await?;
        }
        appointments::update(making.connection(), &new).await.map_err(Refused::by_database)?;
        Ok(new)
    }
}

impl Moving<'_> {
    fn check(&self, old: &Appointment, now: DateTime<Utc>) -> Checked<Appointment> {
        let (mut refusals, input) = (Refusals::default(), self.input);
        let moves = input.doctor_id.is_some() || input.start.is_some() || input.end.is_some();
        if old.status.is_final() {
            refusals.add("appointmentId", UserErrorCode::Immutable, "The appointment is over");
        } else if moves && !old.status.can_move() {
            refusals.add("appointmentId", UserErrorCode::Immutable, "The patient has come: time and doctor are fixed");
        }
        let doctor_id = input.doctor_id.as_deref().map_or(Ok(old.doctor_id), Uuid::try_parse);
        if doctor_id.is_err() {
            refusals.add("doctorId", UserErrorCode::NotFound, "There is no such member of the staff");
        }
        let (start, end) = (input.start.unwrap_or(old.period.start()), input.end.unwrap_or(old.period.end()));
        let period = if moves { calendar::wanted(&mut refusals, start, end, now) } else { Some(old.period) };
        let text = |new: &Option<String>, read: Option<String>, old: &Option<String>| {
            if new.is_some() { read } else { old.clone() }
        };
        let reason = refusals.optional_line("reason", input.reason.as_deref());
        let note = refusals.optional_text("note", input.note.as_deref());
        let new = period.map(|period| Appointment {
            doctor_id: doctor_id.unwrap_or_default(),
            period,
            reason: text(&input.reason, reason, &old.reason),
            note: text(&input.note, note, &old.note),
            ..old.changed(now)
        });
        // Without a time there is a refusal.
        refusals.or(new)?.ok_or_else(Vec::new)
    }
}

/// A step to be taken, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct StepAppointment {
    pub appointment_id: String,
    pub expected_version: i32,
    pub step: Step,
    /// Why it is cancelled.
    pub reason: Option<String>,
}

/// It on its way.
pub(super) struct Stepping {
    pub input: StepAppointment,
    /// The one patient whose appointments the caller reaches, if it is one.
    pub own: Option<Uuid>,
}

impl Change for Stepping {
    const NAME: &'static str = "stepAppointment";
    type Made = Appointment;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Appointment> {
        let mut refusals = Refusals::default();
        let cancels = self.input.step == Step::Cancel;
        let reason = cancels.then(|| refusals.line("reason", self.input.reason.as_deref().unwrap_or_default()));
        let reason = refusals.or(reason)?;
        let old = locked(making, &self.input.appointment_id, self.input.expected_version, self.own).await?;
        let now = making.now;
        let Some(new) = old.after(self.input.step, now) else {
            return Err(Stop::refuse("appointmentId", UserErrorCode::IllegalTransition, impossible(self.input.step)));
        };
        let new = Appointment { cancel_reason: reason.clone(), ..new };
        appointments::update(making.connection(), &new).await?;
        if let Some(action) = logged_as(self.input.step) {
            let entry = Entry {
                id: new_id(),
                occurred_at: now,
                recorded_at: now,
                user_id: making.user_id(),
                action,
                note: reason,
                patient_id: Some(new.patient_id),
                report_id: None,
                image_id: None,
            };
            workflow_logs::append(making.connection(), &entry).await?;
        }
        Ok(new)
    }
}

fn logged_as(step: Step) -> Option<WorkflowAction> {
    match step {
        Step::CheckIn => Some(WorkflowAction::CheckedIn),
        Step::Cancel => Some(WorkflowAction::Cancelled),
        Step::Fulfil | Step::MissIt => None,
    }
}

fn impossible(step: Step) -> &'static str {
    match step {
        Step::CheckIn => "Only who is booked or has arrived can be checked in",
        Step::Fulfil => "Only who was checked in has had the appointment",
        Step::MissIt => "Only a booked appointment whose time has come can be missed",
        Step::Cancel => "The appointment is over",
    }
}

/// An appointment as the caller saw it, locked until the change ends; of one patient's only, if one is named.
async fn locked(making: &mut Making<'_>, id: &str, expected_version: i32, own: Option<Uuid>) -> Outcome<Appointment> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => appointments::lock(making.connection(), id, own).await?,
        Err(_) => None,
    };
    let Some(found) = found else {
        return Err(Stop::refuse("appointmentId", UserErrorCode::NotFound, "There is no such appointment"));
    };
    if found.version == expected_version { Ok(found) } else { Err(UserError::version_conflict().into()) }
}
