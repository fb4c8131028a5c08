//! The GraphQL face: thin types over the services, a file for each aggregate.

mod appointment;
mod conflict;
mod image;
mod order;
mod patient;
mod reference;
mod report;
mod report_pdf;
mod report_template;
mod staff;
mod user;
mod workflow_log;
mod working_hours;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use sqlx::PgPool;

use crate::{
    service::{
        AllWorkingHours, Appointments, Orders, Printing, ReportPdfs, ReportTemplates, ReportVersions, Reports, Signing,
        WorkflowLogs, Worklists,
    },
    settings::Settings,
};

/// Everything that can be read.
#[derive(Default, MergedObject)]
struct Query(
    appointment::AppointmentQuery,
    order::OrderQuery,
    report::ReportQuery,
    report::WorklistQuery,
    report_pdf::ReportPdfQuery,
    report_template::ReportTemplateQuery,
    workflow_log::WorkflowLogQuery,
    patient::PatientQuery,
    staff::StaffQuery,
    image::ImageQuery,
    user::UserQuery,
);

/// Everything that can be changed.
#[derive(Default, MergedObject)]
struct Mutation(
    appointment::AppointmentMutation,
    working_hours::WorkingHoursMutation,
    order::OrderMutation,
    report::ReportMutation,
    report_template::ReportTemplateMutation,
    workflow_log::WorkflowLogMutation,
);

/// The subgraph's SDL, which the supergraph is composed from.
pub(crate) fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query::default(), Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(
    pool: &PgPool,
    settings: &Settings,
    signing: Signing,
    printing: Printing,
) -> impl async_graphql::Executor {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .data(Arc::new(Orders::new(pool.clone(), settings.orders)))
        .data(Arc::new(Worklists::new(pool.clone())))
        .data(Arc::new(Reports::new(pool.clone(), settings.reports.clone(), signing.clone())))
        .data(Arc::new(ReportVersions::new(pool.clone(), signing)))
        .data(Arc::new(ReportPdfs::new(pool.clone(), printing)))
        .data(Arc::new(ReportTemplates::new(pool.clone())))
        .data(Arc::new(WorkflowLogs::new(pool.clone())))
        .data(Arc::new(Appointments::new(pool.clone(), settings.appointments)))
        .data(Arc::new(AllWorkingHours::new(pool.clone())));
    healthbridge_graphql::finish(builder, &sdl())
}
