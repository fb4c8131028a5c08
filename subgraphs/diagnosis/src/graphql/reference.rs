//! Objects of other subgraphs, as far as this one knows them.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, parse_id};

use super::{
    loaders::Loaders,
    report::{DiagnosisReport, NEWEST_FIRST, ReportFilter, filter},
};

/// An account; the patients subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct User {
    /// Our id, a UUIDv7.
    pub id: ID,
}

/// A member of the medical staff; the patients subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct MedicalStaff {
    /// Our id, a UUIDv7.
    pub id: ID,
}

/// A medical image; the imaging subgraph tells more.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub(crate) struct MedicalImage {
    /// Our id, a UUIDv7.
    pub id: ID,
}

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
    ) -> Result<Option<Connection<DiagnosisReport>>, ApiError> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let page = Loaders::of_patient(ctx, patient, self::filter(filter), window).await?;
        Ok(Some(Connection::new(page, |report| Cursor::write(NEWEST_FIRST, &report.id), DiagnosisReport)))
    }
}
