use chrono::{DateTime, Utc};
use healthbridge_terms::coded;
use uuid::Uuid;

use super::period::Period;

coded! {
    /// The status of an appointment (FHIR appointmentstatus).
    pub enum AppointmentStatus {
        /// Asked for; nobody has agreed yet (FHIR `proposed`).
        Proposed,
        /// Some have agreed, and others not yet (FHIR `pending`).
        Pending,
        /// The time is fixed (FHIR `booked`).
        Booked,
        /// The patient is in the house (FHIR `arrived`).
        Arrived,
        /// The patient was checked in and waits (FHIR `checked-in`).
        CheckedIn,
        /// It took place (FHIR `fulfilled`).
        Fulfilled,
        /// It was cancelled, for a reason; its time is free again (FHIR `cancelled`).
        Cancelled,
        /// The patient did not come; its time is free again (FHIR `noshow`).
        Noshow,
        /// It was recorded by mistake and must be disregarded (FHIR `entered-in-error`).
        EnteredInError,
        /// The patient waits for an earlier time (FHIR `waitlist`).
        Waitlist,
    }
}

impl AppointmentStatus {
    /// Whether its time is nobody else's.
    pub fn takes_time(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Noshow | Self::EnteredInError)
    }

    /// Whether it is still to come: another time or doctor can be agreed.
    pub fn can_move(self) -> bool {
        matches!(self, Self::Proposed | Self::Pending | Self::Booked | Self::Waitlist)
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Cancelled | Self::Noshow | Self::EnteredInError)
    }
}

/// What happens to an appointment. There is no other way from one status to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The patient came.
    CheckIn,
    /// It took place.
    Fulfil,
    /// The patient did not come.
    MissIt,
    /// It will not take place.
    Cancel,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::CheckIn, Self::Fulfil, Self::MissIt, Self::Cancel];

    /// The status that it leads to.
    pub fn leads_to(self) -> AppointmentStatus {
        match self {
            Self::CheckIn => AppointmentStatus::CheckedIn,
            Self::Fulfil => AppointmentStatus::Fulfilled,
            Self::MissIt => AppointmentStatus::Noshow,
            Self::Cancel => AppointmentStatus::Cancelled,
        }
    }
}

/// An appointment of a patient with a doctor (FHIR Appointment).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// Our id.
    pub id: Uuid,
    /// The status.
    pub status: AppointmentStatus,
    /// Who is to come.
    pub patient_id: Uuid,
    /// The member of the staff whom the patient is to see.
    pub doctor_id: Uuid,
    /// When.
    pub period: Period,
    /// Why, in plain text.
    pub reason: Option<String>,
    /// What else is to be known, in plain text.
    pub note: Option<String>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// The account that booked it.
    pub booked_by: Uuid,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl Appointment {
    /// Whether a step is possible now. A patient is missed only when the time has come. FHIR names the states; which step
    /// leads from which to which is our reading of their definitions.
    pub fn allows(&self, step: Step, now: DateTime<Utc>) -> bool {
        use AppointmentStatus::{Arrived, Booked, CheckedIn, Pending, Proposed, Waitlist};
        match step {
            Step::CheckIn => matches!(self.status, Booked | Arrived),
            Step::Fulfil => self.status == CheckedIn,
            Step::MissIt => self.status == Booked && self.period.start() <= now,
            Step::Cancel => matches!(self.status, Proposed | Pending | Booked | Arrived | CheckedIn | Waitlist),
        }
    }

    /// It after a step; `None` where the step is not possible. The one way to another status.
    #[must_use]
    pub fn after(&self, step: Step, now: DateTime<Utc>) -> Option<Self> {
        let next = || Self { status: step.leads_to(), ..self.changed(now) };
        self.allows(step, now).then(next)
    }

    /// It after a change.
    #[must_use]
    pub fn changed(&self, now: DateTime<Utc>) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use healthbridge_terms::Coded;

    use super::*;

    fn appointment(status: AppointmentStatus) -> Appointment {
        let at = DateTime::UNIX_EPOCH;
        Appointment {
            id: Uuid::nil(),
            status,
            patient_id: Uuid::nil(),
            doctor_id: Uuid::nil(),
            period: Period::new(at, at + Duration::minutes(30)).expect("a time"),
            reason: None,
            note: None,
            cancel_reason: None,
            booked_by: Uuid::nil(),
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    #[test]
    fn nothing_leaves_a_final_status_and_no_step_makes_time_taken_that_was_free() {
        for status in AppointmentStatus::all() {
            let one = appointment(status);
            let next = Step::ALL.iter().filter_map(|step| one.after(*step, DateTime::UNIX_EPOCH));
            let next: Vec<_> = next.map(|one| one.status).collect();
            assert_eq!(next.is_empty(), status.is_final(), "{status:?}");
            assert!(
                next.iter().all(|next| *next != status && (status.takes_time() || !next.takes_time())),
                "{status:?}"
            );
        }
    }

    #[test]
    fn nobody_is_missed_before_the_time_has_come() {
        let one = appointment(AppointmentStatus::Booked);
        assert!(!one.allows(Step::MissIt, DateTime::UNIX_EPOCH - Duration::microseconds(1)));
        assert!(one.allows(Step::MissIt, DateTime::UNIX_EPOCH));
    }
}
