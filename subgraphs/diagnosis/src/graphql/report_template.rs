use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{
    Coding, CodingInput, Connection, List, Time, UserError, caller, listed, now, service, settled, window,
};
use healthbridge_outcome::{Fault, Outcome, PageArgs};
use uuid::Uuid;

use crate::{
    domain,
    service::{ReportTemplates, RetireReportTemplate, SaveReportTemplate},
    store::report_templates,
};

/// A text that reports begin with, for an examination.
pub(crate) struct ReportTemplate(Arc<domain::ReportTemplate>);

/// A text that reports begin with, for an examination.
#[Object]
impl ReportTemplate {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The DICOM modality of the examination, such as `CT`.
    async fn modality(&self) -> &str {
        &self.0.modality
    }

    /// What is examined, a code of SNOMED CT.
    async fn body_site(&self) -> Option<Coding> {
        self.0.body_site.as_ref().map(Coding::from)
    }

    /// The code of the report, a LOINC code.
    async fn code(&self) -> Option<Coding> {
        self.0.code.as_ref().map(Coding::from)
    }

    /// The technique of the examination.
    async fn technique(&self) -> Option<&str> {
        self.0.technique.as_deref()
    }

    /// Findings: what the images show.
    async fn findings(&self) -> Option<&str> {
        self.0.findings.as_deref()
    }

    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    async fn impression(&self) -> Option<&str> {
        self.0.impression.as_deref()
    }

    /// When it was taken out of use; null while it is in use.
    async fn retired_at(&self) -> Option<Time> {
        self.0.retired_at.map(Time::from)
    }

    /// When it was made.
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

impl List for ReportTemplate {
    const ORDER: &'static str = "report-template";
    type Row = domain::ReportTemplate;
    type Place = Uuid;

    fn place(template: &domain::ReportTemplate) -> Uuid {
        template.id
    }

    fn node(template: Arc<domain::ReportTemplate>) -> Self {
        Self(template)
    }
}

/// Which templates a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct ReportTemplateFilter {
    /// For this DICOM modality, such as `CT`.
    modality: Option<String>,
    /// For what has this code, in whichever system.
    body_site: Option<String>,
}

impl From<ReportTemplateFilter> for report_templates::ReportTemplateFilter {
    fn from(filter: ReportTemplateFilter) -> Self {
        Self { modality: filter.modality, body_site: filter.body_site }
    }
}

/// How templates are found.
#[derive(Default)]
pub(super) struct ReportTemplateQuery;

#[Object]
impl ReportTemplateQuery {
    /// The texts in use that reports begin with, the newest first.
    #[graphql(requires_scopes = "user/DiagnosticReport.s", requires_scopes = "system/DiagnosticReport.s")]
    async fn report_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which templates.")] filter: Option<ReportTemplateFilter>,
    ) -> Result<Option<Connection<ReportTemplate>>, Fault> {
        let window = window::<ReportTemplate>(&PageArgs::new(first, after, last, before)?)?;
        let (templates, filter) = (service::<ReportTemplates>(ctx), filter.unwrap_or_default().into());
        let page = templates.list(caller(ctx), &filter, &window);
        listed(ctx, page, templates.count(caller(ctx), &filter)).await
    }
}

/// A template to be made or changed, whole: what is left out is empty.
#[derive(InputObject)]
pub(crate) struct SaveReportTemplateInput {
    /// The template that is changed; a new one is made where it is left out.
    template_id: Option<ID>,
    /// The version that the caller saw, where one is changed; another one is refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
    /// What it is called.
    name: String,
    /// The DICOM modality of the examination, such as `CT`.
    modality: String,
    /// What is examined, a code of SNOMED CT.
    body_site: Option<CodingInput>,
    /// The code of the report, a LOINC code.
    code: Option<CodingInput>,
    /// The technique of the examination.
    technique: Option<String>,
    /// Findings: what the images show.
    findings: Option<String>,
    /// The impression: the clinical conclusion (FHIR DiagnosticReport.conclusion).
    impression: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<SaveReportTemplateInput> for SaveReportTemplate {
    fn from(input: SaveReportTemplateInput) -> Self {
        Self {
            template_id: input.template_id.map(|id| id.0),
            expected_version: input.expected_version,
            name: input.name,
            modality: input.modality,
            body_site: input.body_site.map(Into::into),
            code: input.code.map(Into::into),
            technique: input.technique,
            findings: input.findings,
            impression: input.impression,
        }
    }
}

/// A template to be taken out of use.
#[derive(InputObject)]
pub(crate) struct RetireReportTemplateInput {
    /// The template.
    template_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// A template, or why nothing was done.
#[derive(SimpleObject)]
pub(crate) struct ReportTemplatePayload {
    /// The template.
    template: Option<ReportTemplate>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl ReportTemplatePayload {
    fn of(outcome: Outcome<domain::ReportTemplate>) -> Result<Option<Self>, Fault> {
        let (template, user_errors) = settled(outcome)?;
        Ok(Some(Self { template: template.map(|template| ReportTemplate(Arc::new(template))), user_errors }))
    }
}

/// What is done with templates.
#[derive(Default)]
pub(super) struct ReportTemplateMutation;

#[Object]
impl ReportTemplateMutation {
    /// Makes a text that reports begin with, or changes one. Whoever writes reports may.
    #[graphql(requires_scopes = "user/DiagnosticReport.c", requires_scopes = "system/DiagnosticReport.c")]
    async fn save_report_template(
        &self,
        ctx: &Context<'_>,
        input: SaveReportTemplateInput,
    ) -> Result<Option<ReportTemplatePayload>, Fault> {
        let key = input.idempotency_key;
        ReportTemplatePayload::of(service::<ReportTemplates>(ctx).save(caller(ctx), input.into(), key, now()).await)
    }

    /// Takes a text out of use. Reports that began with it stay as they are.
    #[graphql(requires_scopes = "user/DiagnosticReport.u", requires_scopes = "system/DiagnosticReport.u")]
    async fn retire_report_template(
        &self,
        ctx: &Context<'_>,
        input: RetireReportTemplateInput,
    ) -> Result<Option<ReportTemplatePayload>, Fault> {
        let retire =
            RetireReportTemplate { template_id: input.template_id.0, expected_version: input.expected_version };
        ReportTemplatePayload::of(service::<ReportTemplates>(ctx).retire(caller(ctx), retire, now()).await)
    }
}
