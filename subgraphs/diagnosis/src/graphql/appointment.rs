mod change;

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{
    Code, Connection, List, Time, batch, below, caller, codes, entity, listed, now, parse_id, service, window,
};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    order::{ImagingOrder, ImagingOrderFilter},
    patient::Patient,
    staff::MedicalStaff,
    user::User,
};
use crate::{
    domain::{self, AppointmentStatus, Period, Step},
    service::{Appointments, Orders, SlotsWanted},
    store::{
        appointments::{self, Place},
        orders,
    },
};

pub(super) use change::AppointmentMutation;

/// An appointment of a patient with a doctor (FHIR Appointment). One that the caller may not see looks like one that does
/// not exist.
pub(crate) struct Appointment(pub(crate) Arc<domain::Appointment>);

/// An appointment of a patient with a doctor (FHIR Appointment). One that the caller may not see looks like one that does
/// not exist.
#[Object]
impl Appointment {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The status.
    async fn status(&self) -> Code<AppointmentStatus> {
        Code(self.0.status)
    }

    /// The statuses that this caller may move the appointment to now.
    async fn allowed_transitions(&self, ctx: &Context<'_>) -> Vec<Code<AppointmentStatus>> {
        let steps = service::<Appointments>(ctx).next_steps(caller(ctx), &self.0, now());
        steps.into_iter().map(Step::leads_to).map(Code).collect()
    }

    /// Who is to come. Null where the caller may not see the record, or the part of the system that knows it is unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The member of the medical staff whom the patient is to see. Null where the caller may not see the record, or the part
    /// of the system that knows it is unavailable.
    async fn doctor(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.doctor_id.into() })
    }

    /// When it begins.
    async fn start(&self) -> Time {
        self.0.period.start().into()
    }

    /// When it ends: the time is half-open, at its end the doctor and the patient are free again.
    async fn end(&self) -> Time {
        self.0.period.end().into()
    }

    /// Why the patient comes, in plain text (FHIR Appointment.description).
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// A comment in plain text (FHIR Appointment.comment).
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Why it was cancelled, in plain text (FHIR Appointment.cancelationReason); null where it was not.
    async fn cancel_reason(&self) -> Option<&str> {
        self.0.cancel_reason.as_deref()
    }

    /// The orders for imaging that this appointment is for, the newest first.
    #[graphql(
        requires_scopes = "user/ServiceRequest.r",
        requires_scopes = "patient/ServiceRequest.r",
        requires_scopes = "system/ServiceRequest.r"
    )]
    async fn imaging_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which orders.")] filter: Option<ImagingOrderFilter>,
    ) -> Result<Option<Connection<ImagingOrder>>, Fault> {
        let args = PageArgs::new(first, after, last, before)?;
        below::<OrdersOfAppointment, _>(ctx, self.0.id, &args, filter.unwrap_or_default().into()).await
    }

    /// The account that booked it. Null where the caller may not see it, or the part of the system that knows it is
    /// unavailable.
    async fn booked_by(&self) -> Option<User> {
        Some(User { id: self.0.booked_by.into() })
    }

    /// When it was booked.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

below! {
    /// The orders below appointments.
    OrdersOfAppointment = Orders::{of_appointments, count_of_appointments}(orders::OrderFilter; Uuid)
        -> domain::ImagingOrder, by |order| order.appointment_id.unwrap_or_default()
}

impl List for Appointment {
    const ORDER: &'static str = "appointment-by-start";
    type Row = domain::Appointment;
    type Place = Place;

    fn place(appointment: &domain::Appointment) -> Place {
        (appointment.period.start(), appointment.id)
    }

    fn node(appointment: Arc<domain::Appointment>) -> Self {
        Self(appointment)
    }
}

/// A time that can be booked (FHIR Slot).
#[derive(SimpleObject)]
pub(crate) struct TimeSlot {
    /// When it begins.
    start: Time,
    /// When it ends: the time is half-open.
    end: Time,
}

impl From<Period> for TimeSlot {
    fn from(period: Period) -> Self {
        Self { start: period.start().into(), end: period.end().into() }
    }
}

/// Which appointments a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct AppointmentFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<AppointmentStatus>>>,
    /// With this member of the medical staff.
    doctor_id: Option<ID>,
    /// Of this patient.
    patient_id: Option<ID>,
    /// That begin then or later.
    from: Option<Time>,
    /// That begin before.
    to: Option<Time>,
}

impl From<AppointmentFilter> for appointments::AppointmentFilter {
    fn from(filter: AppointmentFilter) -> Self {
        // What is no id of ours names nobody, who has no appointment.
        let id = |id: Option<ID>| id.map(|id| parse_id(&id).unwrap_or_default());
        Self {
            statuses: codes(filter.status),
            doctor_id: id(filter.doctor_id),
            patient_id: id(filter.patient_id),
            from: filter.from.map(Into::into),
            to: filter.to.map(Into::into),
        }
    }
}

batch! {
    /// The appointments with these ids.
    pub(super) AppointmentById = Appointments::by_id() -> domain::Appointment, by |appointment| appointment.id
}

/// How appointments are found.
#[derive(Default)]
pub(super) struct AppointmentQuery;

#[Object]
impl AppointmentQuery {
    /// An appointment; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/Appointment.r",
        requires_scopes = "patient/Appointment.r",
        requires_scopes = "system/Appointment.r"
    )]
    async fn appointment(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Appointment>, Fault> {
        Ok(entity::<AppointmentById>(ctx, &id).await?.map(Appointment))
    }

    /// The day sheet: the appointments of all patients and doctors, or of one, in the order in which they begin.
    #[graphql(requires_scopes = "user/Appointment.s", requires_scopes = "system/Appointment.s")]
    async fn appointments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which appointments.")] filter: Option<AppointmentFilter>,
    ) -> Result<Option<Connection<Appointment>>, Fault> {
        let window = window::<Appointment>(&PageArgs::new(first, after, last, before)?)?;
        let (appointments, filter) = (service::<Appointments>(ctx), filter.unwrap_or_default().into());
        let page = appointments.search(caller(ctx), &filter, &window);
        listed(ctx, page, appointments.count(caller(ctx), &filter)).await
    }

    /// The free times of a doctor from now on: the working hours less what is taken, by the clock of the clinic's time zone.
    /// They are one behind the other from where working hours begin, midnight, or the end of what is taken; 1000 at the
    /// most. A doctor without working hours is free at any time that is not taken. It is not told who takes a time.
    #[graphql(
        requires_scopes = "user/Appointment.s",
        requires_scopes = "patient/Appointment.r",
        requires_scopes = "system/Appointment.s"
    )]
    async fn free_slots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member of the medical staff.")] doctor_id: ID,
        #[graphql(desc = "Times that begin then or later.")] from: Time,
        #[graphql(desc = "Times that end then or earlier, 62 days after `from` at the most.")] to: Time,
        #[graphql(desc = "How long a time is, in minutes, 1 to 1440.", default = 30)] minutes: i32,
    ) -> Result<Option<Vec<TimeSlot>>, Fault> {
        // What is no id of ours names nobody, who can be booked by nobody.
        let Some(doctor_id) = parse_id(&doctor_id) else { return Ok(Some(Vec::new())) };
        let wanted = SlotsWanted { doctor_id, from: from.into(), to: to.into(), minutes };
        let slots = service::<Appointments>(ctx).free_slots(caller(ctx), &wanted, now()).await?;
        Ok(Some(slots.into_iter().map(TimeSlot::from).collect()))
    }

    #[graphql(entity)]
    async fn find_appointment_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Appointment>, Fault> {
        Ok(entity::<AppointmentById>(ctx, &id).await?.map(Appointment))
    }
}
