mod booking;
mod calendar;
mod change;

use chrono::{DateTime, Utc};
use healthbridge_change::Changes;
use healthbridge_outcome::{Fault, Outcome, Page, Total, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    NAME,
    domain::{Appointment, Period, Step},
    settings::AppointmentSettings,
    store::appointments::{self, AppointmentFilter, Place},
};

pub(crate) use booking::BookAppointment;
pub(crate) use calendar::SlotsWanted;
pub(crate) use change::{StepAppointment, UpdateAppointment};

use booking::Booking;
use calendar::Refused;
use change::{Moving, Stepping};

/// The appointments.
pub(crate) struct Appointments {
    pool: PgPool,
    changes: Changes,
    settings: AppointmentSettings,
}

/// What came of asking for a time: the appointment, or why there is none and the next time that is free.
pub(crate) type AskedTime = (Outcome<Appointment>, Option<Period>);

impl Appointments {
    pub(crate) fn new(pool: PgPool, settings: AppointmentSettings) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, settings }
    }

    /// The appointments that the caller may read, of these. A patient sees the own ones.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Appointment>, Fault> {
        match caller.reach(Resource::Appointment, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(appointments::by_id(&self.pool, ids, own).await?),
        }
    }

    /// A page of appointments of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &AppointmentFilter,
        window: &Window<Place>,
    ) -> Result<Vec<Appointment>, Fault> {
        let patients = covered(caller, patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(appointments::of_patients(&self.pool, &patients, filter, window).await?)
    }

    /// How many appointments of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &AppointmentFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let patients = covered(caller, patients);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(appointments::count_of_patients(&self.pool, &patients, filter).await?)
    }

    /// A page of appointments of each of these doctors.
    pub(crate) async fn of_doctors(
        &self,
        caller: &Caller,
        doctors: &[Uuid],
        filter: &AppointmentFilter,
        window: &Window<Place>,
    ) -> Result<Vec<Appointment>, Fault> {
        caller.require(Resource::Appointment, Right::Search)?;
        Ok(appointments::of_doctors(&self.pool, doctors, filter, window).await?)
    }

    /// How many appointments each of these doctors has.
    pub(crate) async fn count_of_doctors(
        &self,
        caller: &Caller,
        doctors: &[Uuid],
        filter: &AppointmentFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        caller.require(Resource::Appointment, Right::Search)?;
        Ok(appointments::count_of_doctors(&self.pool, doctors, filter).await?)
    }

    /// A page of the day sheet. One of a single doctor or patient is read from their own index.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &AppointmentFilter,
        window: &Window<Place>,
    ) -> Result<Page<Appointment>, Fault> {
        caller.require(Resource::Appointment, Right::Search)?;
        let rows = match (filter.doctor_id, filter.patient_id) {
            (_, Some(patient)) => appointments::of_patients(&self.pool, &[patient], filter, window).await?,
            (Some(doctor), None) => appointments::of_doctors(&self.pool, &[doctor], filter, window).await?,
            (None, None) => appointments::list(&self.pool, filter, window).await?,
        };
        Ok(window.page(rows))
    }

    /// How many appointments the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &AppointmentFilter) -> Result<Total, Fault> {
        caller.require(Resource::Appointment, Right::Search)?;
        let of_one = match (filter.doctor_id, filter.patient_id) {
            (_, Some(patient)) => appointments::count_of_patients(&self.pool, &[patient], filter).await?,
            (Some(doctor), None) => appointments::count_of_doctors(&self.pool, &[doctor], filter).await?,
            (None, None) => return Ok(appointments::count(&self.pool, filter).await?),
        };
        Ok(of_one.first().map(|one| one.1).unwrap_or_default())
    }

    /// When a doctor is free: the working hours less what is taken. It tells nothing of who takes it.
    pub(crate) async fn free_slots(
        &self,
        caller: &Caller,
        wanted: &SlotsWanted,
        now: DateTime<Utc>,
    ) -> Result<Vec<Period>, Fault> {
        let may_search = caller.require(Resource::Appointment, Right::Search).is_ok();
        if !may_search && caller.reach(Resource::Appointment, Right::Read) == Reach::Nobody {
            return Err(caller.denied().into());
        }
        calendar::free_slots(&self.pool, self.settings.time_zone, wanted, now).await
    }

    /// Books a time. Of many who want the same one gets it; the others are told the next one that is free.
    pub(crate) async fn book(
        &self,
        caller: &Caller,
        input: &BookAppointment,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Result<AskedTime, Fault> {
        let reach = self.reach(caller, Right::Create);
        if reach == Reach::Nobody {
            return Err(caller.denied().into());
        }
        let booking = Booking { input, reach, refused: Refused::in_zone(self.settings.time_zone) };
        let outcome = self.changes.make_once(&booking, Some(key), caller, now).await;
        Ok((outcome, booking.refused.next()))
    }

    /// Moves an appointment to another time or doctor, or changes what is written about it.
    pub(crate) async fn update(
        &self,
        caller: &Caller,
        input: &UpdateAppointment,
        now: DateTime<Utc>,
    ) -> Result<AskedTime, Fault> {
        caller.require(Resource::Appointment, Right::Update)?;
        let moving = Moving { input, refused: Refused::in_zone(self.settings.time_zone) };
        let outcome = self.changes.make(&moving, caller, now).await;
        Ok((outcome, moving.refused.next()))
    }

    /// Takes a step with an appointment. It is logged with it where the workflow log has a name for it.
    pub(crate) async fn step(
        &self,
        caller: &Caller,
        input: StepAppointment,
        now: DateTime<Utc>,
    ) -> Outcome<Appointment> {
        let reach = self.reach_of(caller, input.step);
        let Some(own) = reach.confine() else { return Err(Fault::from(caller.denied()).into()) };
        self.changes.make(&Stepping { input, own }, caller, now).await
    }

    /// The steps that this caller may take with an appointment now: exactly those that would not be refused.
    pub(crate) fn next_steps(&self, caller: &Caller, appointment: &Appointment, now: DateTime<Utc>) -> Vec<Step> {
        let may =
            |step: &Step| appointment.allows(*step, now) && self.reach_of(caller, *step).covers(appointment.patient_id);
        Step::ALL.into_iter().filter(may).collect()
    }

    /// Whose appointments the caller may take this step with: a patient cancels, and nothing else.
    fn reach_of(&self, caller: &Caller, step: Step) -> Reach {
        match self.reach(caller, Right::Update) {
            Reach::Own(_) if step != Step::Cancel => Reach::Nobody,
            reach => reach,
        }
    }

    /// Whose appointments the caller changes. A patient's scopes count for nothing where patients do not book.
    fn reach(&self, caller: &Caller, right: Right) -> Reach {
        match caller.reach(Resource::Appointment, right) {
            Reach::Own(_) if !self.settings.patients_book => Reach::Nobody,
            reach => reach,
        }
    }
}

/// Of these patients those whose appointments the caller may read.
fn covered(caller: &Caller, patients: &[Uuid]) -> Vec<Uuid> {
    let reach = caller.reach(Resource::Appointment, Right::Read);
    patients.iter().copied().filter(|patient| reach.covers(*patient)).collect()
}
