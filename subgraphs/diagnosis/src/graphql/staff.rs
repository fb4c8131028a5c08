//! What appointments and orders add to a member of the medical staff.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, below, parse_id};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    appointment::{Appointment, AppointmentFilter},
    order::{ImagingOrder, ImagingOrderFilter},
    working_hours::{self, WorkingHours},
};
use crate::{
    domain,
    service::{Appointments, Orders},
    store::{
        appointments::{self, Place},
        orders,
    },
};

/// A member of the medical staff (FHIR Practitioner).
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct MedicalStaff {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl MedicalStaff {
    /// The appointments with this member of the staff, in the order in which they begin.
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
        let Some(doctor) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<AppointmentsOfDoctor, _>(ctx, doctor, &args, filter.unwrap_or_default().into()).await
    }

    /// When this member of the staff works: all that was ever set, in the order of their first days. Without any an
    /// appointment can be booked at any time.
    #[graphql(
        requires_scopes = "user/Appointment.r",
        requires_scopes = "patient/Appointment.r",
        requires_scopes = "system/Appointment.r"
    )]
    async fn working_hours(&self, ctx: &Context<'_>) -> Result<Option<Vec<WorkingHours>>, Fault> {
        working_hours::of_doctor(ctx, &self.id).await
    }

    /// The orders for imaging that this member of the staff has given, the newest first. Those that somebody is to read are
    /// found by `imagingOrders(filter: { radiologistId })`.
    #[graphql(requires_scopes = "user/ServiceRequest.s", requires_scopes = "system/ServiceRequest.s")]
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
        let Some(staff) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<OrdersOfStaff, _>(ctx, staff, &args, filter.unwrap_or_default().into()).await
    }
}

below! {
    /// The appointments below members of the staff.
    AppointmentsOfDoctor = Appointments::{of_doctors, count_of_doctors}(appointments::AppointmentFilter; Place)
        -> domain::Appointment,
        by |appointment| appointment.doctor_id
}

below! {
    /// The orders below members of the staff.
    OrdersOfStaff = Orders::{of_staff, count_of_staff}(orders::OrderFilter; Uuid) -> domain::ImagingOrder,
        by |order| order.ordered_by
}

/// How members of the staff are found.
#[derive(Default)]
pub(super) struct StaffQuery;

#[Object]
impl StaffQuery {
    #[graphql(entity)]
    async fn find_medical_staff_by_id(&self, id: ID) -> MedicalStaff {
        MedicalStaff { id }
    }
}
