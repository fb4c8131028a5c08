//! The GraphQL face: thin types over the services, a file for each aggregate.

mod appointment;
mod conflict;
mod image;
mod order;
mod patient;
mod reference;
mod report;
mod staff;
mod workflow_log;
mod working_hours;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use sqlx::PgPool;

use crate::{
    service::{AllWorkingHours, Appointments, Orders, Reports, Signing, WorkflowLogs, Worklists},
    settings::Settings,
};

/// Everything that can be read.
#[derive(Default, MergedObject)]
struct Query(
    appointment::AppointmentQuery,
    order::OrderQuery,
    report::ReportQuery,
    workflow_log::WorkflowLogQuery,
    patient::PatientQuery,
    staff::StaffQuery,
    image::ImageQuery,
);

/// Everything that can be changed.
#[derive(Default, MergedObject)]
struct Mutation(
    appointment::AppointmentMutation,
    working_hours::WorkingHoursMutation,
    order::OrderMutation,
    report::ReportMutation,
    workflow_log::WorkflowLogMutation,
);

/// The subgraph's SDL, which the supergraph is composed from.
pub(crate) fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query::default(), Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(pool: &PgPool, settings: &Settings, signing: Signing) -> impl async_graphql::Executor {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .data(Arc::new(signing))
        .data(Arc::new(Orders::new(pool.clone(), settings.orders)))
        .data(Arc::new(Worklists::new(pool.clone())))
        .data(Arc::new(Reports::new(pool.clone())))
        .data(Arc::new(WorkflowLogs::new(pool.clone())))
        .data(Arc::new(Appointments::new(pool.clone(), settings.appointments)))
        .data(Arc::new(AllWorkingHours::new(pool.clone())));
    healthbridge_graphql::finish(builder, &sdl())
}
