use async_graphql::{Context, ID, InputObject, Object};
use healthbridge_graphql::{Code, Connection, Time, batch, caller, codes, entity, listed, parse_id, service, window};
use healthbridge_outcome::{Fault, PageArgs};

use super::DiagnosisReport;
use crate::{
    domain::{Report, ReportPriority, ReportStatus},
    service::Reports,
    store::reports,
};

/// Which reports a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct ReportFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<ReportStatus>>>,
    /// Of one of these priorities.
    priority: Option<Vec<Code<ReportPriority>>>,
    /// Written by this member of the staff.
    author_id: Option<ID>,
    /// Given to this member of the staff to write.
    assignee_id: Option<ID>,
    /// Whether the result is critical: somebody must act on it at once.
    critical: Option<bool>,
    /// Released then or later.
    issued_from: Option<Time>,
    /// Released before.
    issued_to: Option<Time>,
    /// Words of findings and impression, as one writes them for a search engine: `pleural effusion`, `"no fracture"`,
    /// `nodule or mass`, `-normal`. Only for who may search the reports of all patients; `FORBIDDEN` for all others.
    text: Option<String>,
}

impl From<ReportFilter> for reports::ReportFilter {
    fn from(filter: ReportFilter) -> Self {
        Self {
            statuses: codes(filter.status),
            priorities: codes(filter.priority),
            // What is no id of ours names nobody, who has written nothing.
            author_id: filter.author_id.map(|id| parse_id(&id).unwrap_or_default()),
            assignee_id: filter.assignee_id.map(|id| parse_id(&id).unwrap_or_default()),
            critical: filter.critical,
            issued_from: filter.issued_from.map(Into::into),
            issued_to: filter.issued_to.map(Into::into),
            text: filter.text,
            ..Self::default()
        }
    }
}

batch! {
    /// The reports with these ids.
    pub(crate) ReportById = Reports::by_id() -> Report, by |report| report.id
}

batch! {
    /// The reports of these orders.
    pub(crate) ReportOfOrder = Reports::of_orders() -> Report, by |report| report.order_id.unwrap_or_default()
}

/// How reports are found.
#[derive(Default)]
pub(crate) struct ReportQuery;

#[Object]
impl ReportQuery {
    /// A report; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn report(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DiagnosisReport>, Fault> {
        Ok(entity::<ReportById>(ctx, &id).await?.map(DiagnosisReport))
    }

    /// The reports of all patients, the newest first.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
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
        let window = window::<DiagnosisReport>(&PageArgs::new(first, after, last, before)?)?;
        let (reports, filter) = (service::<Reports>(ctx), filter.unwrap_or_default().into());
        let page = reports.search(caller(ctx), &filter, &window);
        listed(ctx, page, reports.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_diagnosis_report_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DiagnosisReport>, Fault> {
        Ok(entity::<ReportById>(ctx, &id).await?.map(DiagnosisReport))
    }
}
