//! The lists of what is to be done with reports.

use std::sync::Arc;

use async_graphql::{Context, Object};
use healthbridge_graphql::{Connection, caller, now, service, total};
use healthbridge_outcome::{Cursor, Fault, Page, PageArgs, Total, Window};

use super::DiagnosisReport;
use crate::{
    domain::{CriticalPlace, Report, WorkPlace},
    service::Reports,
};

/// The names of the orders in cursors.
const TO_WRITE: &str = "report-worklist";
const CRITICAL: &str = "critical-results";

/// How the lists of what is to be done are read.
#[derive(Default)]
pub(in crate::graphql) struct WorklistQuery;

#[Object]
impl WorklistQuery {
    /// The reports that are to be written, REGISTERED, PARTIAL and PRELIMINARY: STAT first, then the oldest.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
    async fn report_worklist(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(default = true, desc = "Only those that the caller is to write; false: those of all.")]
        assigned_to_me: bool,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        let args = PageArgs::new(first, after, last, before)?;
        let window: Window<WorkPlace> = args.window(TO_WRITE)?;
        let reports = service::<Reports>(ctx);
        let page = reports.worklist(caller(ctx), assigned_to_me, &window);
        let count = reports.count_worklist(caller(ctx), assigned_to_me);
        ordered(ctx, page, count, |report| Cursor::write(TO_WRITE, &WorkPlace::of(report))).await
    }

    /// The critical results that were released and that nobody has acknowledged, the oldest first.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
    async fn critical_results(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(
            default = true,
            desc = "Only those that the caller answers for: of examinations that the caller has asked for, or that nobody is \
                    known to have asked for, and what has waited too long; false: all."
        )]
        mine: bool,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        let args = PageArgs::new(first, after, last, before)?;
        let window: Window<CriticalPlace> = args.window(CRITICAL)?;
        let (reports, now) = (service::<Reports>(ctx), now());
        let page = reports.critical(caller(ctx), mine, now, &window);
        let count = reports.count_critical(caller(ctx), mine, now);
        ordered(ctx, page, count, |report| Cursor::write(CRITICAL, &CriticalPlace::of(report))).await
    }
}

/// The connection of a page in an order of its own.
async fn ordered(
    ctx: &Context<'_>,
    page: impl Future<Output = Result<Page<Report>, Fault>>,
    count: impl Future<Output = Result<Total, Fault>>,
    cursor: fn(&Arc<Report>) -> String,
) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
    let (page, total) = futures::join!(page, total(ctx, count));
    Ok(Some(Connection::new(page?.map(Arc::new), cursor, DiagnosisReport).counted(total)))
}
