//! What reports add to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, batch, below};
use healthbridge_outcome::{Fault, Window};
use uuid::Uuid;

use super::report::{DiagnosisReport, ReportFilter};
use crate::{domain::Report, service::Reports, store::reports};

/// A patient, as far as reports go.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Patient {
    /// The patient's reports, the newest first. The patient sees those that were released, from FINAL on.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which reports.")] filter: Option<ReportFilter>,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        below::<ReportsOfPatient, _, _>(ctx, &self.id, first, after, filter.unwrap_or_default().into()).await
    }
}

batch! {
    /// The reports below patients.
    ReportsOfPatient = Reports::of_patients(reports::ReportFilter, Window<Uuid>) -> Report, by |report| report.patient_id
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
