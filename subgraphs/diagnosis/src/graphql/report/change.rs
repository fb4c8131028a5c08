mod input;
mod signing;

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use healthbridge_graphql::{UserError, caller, now, service, settled};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use uuid::Uuid;

use self::{
    input::{
        AcknowledgeCriticalInput, AssignReportInput, CancelReportInput, CreateReportInput, UpdateReportDraftInput,
    },
    signing::{AddAddendumInput, AmendReportInput, ConfirmReportInput},
};
use super::DiagnosisReport;
use crate::{
    domain::Report,
    service::{AcknowledgeCritical, CancelReport, Reports, WithdrawReport},
};

/// A report, or why nothing was done.
#[derive(SimpleObject)]
pub(crate) struct ReportPayload {
    /// The report. With `VERSION_CONFLICT`, and where somebody else is writing it, the report as the other one has made it.
    report: Option<DiagnosisReport>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl ReportPayload {
    /// What became of a change of a report that exists. Whoever comes too late sees what the other one has written.
    async fn of(ctx: &Context<'_>, id: &str, outcome: Outcome<Report>) -> Result<Option<Self>, Fault> {
        let is_others = matches!(&outcome, Err(Stop::Refused(errors)) if errors.iter().any(|error| {
            matches!(error.code, UserErrorCode::VersionConflict | UserErrorCode::NotAllowed)
        }));
        let (mut report, user_errors) = settled(outcome)?;
        if is_others && let Ok(id) = Uuid::try_parse(id) {
            report = service::<Reports>(ctx).by_id(caller(ctx), &[id]).await?.pop();
        }
        Ok(Some(Self { report: report.map(|report| DiagnosisReport(Arc::new(report))), user_errors }))
    }
}

/// What is done with reports.
#[derive(Default)]
pub(in crate::graphql) struct ReportMutation;

#[Object]
impl ReportMutation {
    /// Begins a report: REGISTERED without text, PRELIMINARY with findings or an impression.
    #[graphql(requires_scopes = "user/DiagnosticReport.c", requires_scopes = "system/DiagnosticReport.c")]
    async fn create_report(&self, ctx: &Context<'_>, input: CreateReportInput) -> Result<Option<ReportPayload>, Fault> {
        let key = input.idempotency_key;
        let outcome = service::<Reports>(ctx).create(caller(ctx), input.into(), key, now()).await;
        let (report, user_errors) = settled(outcome)?;
        Ok(Some(ReportPayload { report: report.map(|report| DiagnosisReport(Arc::new(report))), user_errors }))
    }

    /// Writes a report that was not released, and moves it between PARTIAL and PRELIMINARY; a first text makes it
    /// PRELIMINARY where nothing else is said. Who writes it is its assignee, and has it for a while. `IMMUTABLE` once it was
    /// released, `NOT_ALLOWED` while somebody else is writing it, `REQUIRED` where a draft would have no text.
    #[graphql(requires_scopes = "user/DiagnosticReport.u", requires_scopes = "system/DiagnosticReport.u")]
    async fn update_report_draft(
        &self,
        ctx: &Context<'_>,
        input: UpdateReportDraftInput,
    ) -> Result<Option<ReportPayload>, Fault> {
        let id = input.report_id.0.clone();
        let outcome = service::<Reports>(ctx).update_draft(caller(ctx), input.into(), now()).await;
        ReportPayload::of(ctx, &id, outcome).await
    }

    /// Gives a report that was not released to somebody, who has it for a while: nobody else writes it, until that ends by
    /// itself or somebody takes it over. Of several who take it at once one has it, and the others get `NOT_ALLOWED`.
    #[graphql(requires_scopes = "user/DiagnosticReport.u", requires_scopes = "system/DiagnosticReport.u")]
    async fn assign_report(&self, ctx: &Context<'_>, input: AssignReportInput) -> Result<Option<ReportPayload>, Fault> {
        let id = input.report_id.0.clone();
        let outcome = service::<Reports>(ctx).assign(caller(ctx), input.into(), now()).await;
        ReportPayload::of(ctx, &id, outcome).await
    }

    /// Ends a report that was not released: it is CANCELLED, and stays readable for the staff.
    #[graphql(requires_scopes = "user/DiagnosticReport.u", requires_scopes = "system/DiagnosticReport.u")]
    async fn cancel_report(&self, ctx: &Context<'_>, input: CancelReportInput) -> Result<Option<ReportPayload>, Fault> {
        let CancelReportInput { report_id, expected_version, reason, .. } = input;
        let cancel = CancelReport { report_id: report_id.0.clone(), expected_version, reason };
        let outcome = service::<Reports>(ctx).cancel(caller(ctx), cancel, now()).await;
        ReportPayload::of(ctx, &report_id.0, outcome).await
    }

    /// Releases a draft, which somebody signs: it is FINAL, its content is a version that nobody changes any more, and the
    /// patient sees it. `reauthToken` is `REQUIRED`, and `NOT_ALLOWED` where it is not the caller's, of this session and of
    /// the last five minutes. Of two at once one has released it, and the other one gets `VERSION_CONFLICT`.
    #[graphql(requires_scopes = "user/DiagnosticReport.u policy:report.sign")]
    async fn confirm_report(
        &self,
        ctx: &Context<'_>,
        input: ConfirmReportInput,
    ) -> Result<Option<ReportPayload>, Fault> {
        let (confirm, token, key) = input.into_parts();
        let outcome = service::<Reports>(ctx).release(caller(ctx), &confirm, (token.as_deref(), key), now()).await;
        ReportPayload::of(ctx, &confirm.report_id, outcome).await
    }

    /// Changes the text of a released report, for a reason: it is AMENDED, or CORRECTED where it was wrong, in a version of its
    /// own, which somebody signs; those before it stay. `reauthToken` as in `confirmReport`.
    #[graphql(requires_scopes = "user/DiagnosticReport.u policy:report.sign")]
    async fn amend_report(&self, ctx: &Context<'_>, input: AmendReportInput) -> Result<Option<ReportPayload>, Fault> {
        let (amend, token, key) = input.into_parts();
        let outcome = service::<Reports>(ctx).release(caller(ctx), &amend, (token.as_deref(), key), now()).await;
        ReportPayload::of(ctx, &amend.report_id, outcome).await
    }

    /// Adds to a released report, whose text stays as it is: it is APPENDED, in a version of its own, which somebody signs.
    /// `reauthToken` as in `confirmReport`.
    #[graphql(requires_scopes = "user/DiagnosticReport.u policy:report.sign")]
    async fn add_addendum(&self, ctx: &Context<'_>, input: AddAddendumInput) -> Result<Option<ReportPayload>, Fault> {
        let (add, token, key) = input.into_parts();
        let outcome = service::<Reports>(ctx).release(caller(ctx), &add, (token.as_deref(), key), now()).await;
        ReportPayload::of(ctx, &add.report_id, outcome).await
    }

    /// Withdraws a released report: it must be disregarded, and stays readable. That is a version, too, which somebody signs.
    /// `reauthToken` as in `confirmReport`.
    #[graphql(requires_scopes = "user/DiagnosticReport.u policy:report.sign")]
    async fn mark_report_entered_in_error(
        &self,
        ctx: &Context<'_>,
        input: CancelReportInput,
    ) -> Result<Option<ReportPayload>, Fault> {
        let CancelReportInput { report_id, expected_version, reason, reauth_token } = input;
        let withdraw = WithdrawReport { report_id: report_id.0, expected_version, reason };
        let proof = (reauth_token.as_deref(), None);
        let outcome = service::<Reports>(ctx).release(caller(ctx), &withdraw, proof, now()).await;
        ReportPayload::of(ctx, &withdraw.report_id, outcome).await
    }

    /// Takes note of a critical result that was released, once: it leaves the lists of who must act on it. `ALREADY_EXISTS`
    /// where somebody has, `ILLEGAL_TRANSITION` where there is nothing to be taken note of.
    #[graphql(requires_scopes = "user/DiagnosticReport.u", requires_scopes = "system/DiagnosticReport.u")]
    async fn acknowledge_critical_result(
        &self,
        ctx: &Context<'_>,
        input: AcknowledgeCriticalInput,
    ) -> Result<Option<ReportPayload>, Fault> {
        let AcknowledgeCriticalInput { report_id, note } = input;
        let acknowledge = AcknowledgeCritical { report_id: report_id.0.clone(), note };
        let outcome = service::<Reports>(ctx).acknowledge(caller(ctx), acknowledge, now()).await;
        ReportPayload::of(ctx, &report_id.0, outcome).await
    }
}
