//! What appointments, orders and reports add to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, below, parse_id};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::{
    appointment::{Appointment, AppointmentFilter},
    order::{ImagingOrder, ImagingOrderFilter},
    report::{DiagnosisReport, ReportFilter},
};
use crate::{
    domain::{self, Report},
    service::{Appointments, Orders, Reports},
    store::{
        appointments::{self, Place},
        orders, reports,
    },
};

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Patient {
    /// The patient's orders for imaging, the newest first.
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
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<OrdersOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
    }

    /// The patient's reports, the newest first. The patient sees those that were released, from FINAL on.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which reports.")] filter: Option<ReportFilter>,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<ReportsOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
    }

    /// The patient's appointments, in the order in which they begin.
    #[graphql(
        requires_scopes = "user/Appointment.r",
        requires_scopes = "patient/Appointment.r",
        requires_scopes = "system/Appointment.r"
    )]
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
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<AppointmentsOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
    }
}

below! {
    /// The orders below patients.
    OrdersOfPatient = Orders::{of_patients, count_of_patients}(orders::OrderFilter; Uuid) -> domain::ImagingOrder,
        by |order| order.patient_id
}

below! {
    /// The reports below patients.
    ReportsOfPatient = Reports::{of_patients, count_of_patients}(reports::ReportFilter; Uuid) -> Report,
        by |report| report.patient_id
}

below! {
    /// The appointments below patients.
    AppointmentsOfPatient = Appointments::{of_patients, count_of_patients}(appointments::AppointmentFilter; Place)
        -> domain::Appointment,
        by |appointment| appointment.patient_id
}

/// How a patient is found.
#[derive(Default)]
pub(crate) struct PatientQuery;

#[Object]
impl PatientQuery {
    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient { id }
    }
}
