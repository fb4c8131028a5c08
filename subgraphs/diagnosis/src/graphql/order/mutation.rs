use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Code, CodingInput, UserError, caller, entity, now, service, settled};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use uuid::Uuid;

use super::{ImagingOrder, query::OrderById};
use crate::{
    domain::{self, ReportPriority},
    service::{
        AcknowledgeResult, CompleteAcquisition, OrderImaging, Orders, RevokeOrder, StartReading, StopReading,
        UpdateOrder,
    },
};

/// An examination that is to be ordered.
#[derive(InputObject)]
pub(crate) struct OrderImagingInput {
    /// The patient who is to be examined.
    patient_id: ID,
    /// The patient's appointment at which the images are acquired: the order is SCHEDULED then.
    appointment_id: Option<ID>,
    /// The radiologist who is to read the images.
    radiologist_id: Option<ID>,
    /// What is to be examined, a code of LOINC or SNOMED CT.
    code: Option<CodingInput>,
    /// How the images are to be acquired, a code of DICOM CID 29 such as `CT`, `MR` or `US`.
    modality: String,
    /// The part of the body, a code of SNOMED CT or DICOM.
    body_site: Option<CodingInput>,
    /// The priority (FHIR request-priority).
    #[graphql(default_with = "Code(ReportPriority::Routine)")]
    priority: Code<ReportPriority>,
    /// Why it is ordered, in plain text.
    reason: String,
    /// Why it is ordered, in codes of ICD-10 or a national modification; at most 50.
    reason_codes: Option<Vec<CodingInput>>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Uuid,
}

impl From<OrderImagingInput> for OrderImaging {
    fn from(input: OrderImagingInput) -> Self {
        Self {
            patient_id: input.patient_id.0,
            appointment_id: input.appointment_id.map(|id| id.0),
            radiologist_id: input.radiologist_id.map(|id| id.0),
            code: input.code.map(Into::into),
            modality: input.modality,
            body_site: input.body_site.map(Into::into),
            priority: input.priority.0,
            reason: input.reason,
            reason_codes: input.reason_codes.into_iter().flatten().map(Into::into).collect(),
        }
    }
}

/// What is to be changed of an order; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateImagingOrderInput {
    /// The order.
    order_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The radiologist who is to read the images. Refused with `ILLEGAL_TRANSITION` while another one reads them.
    radiologist_id: Option<ID>,
    /// The priority (FHIR request-priority). The report is due accordingly.
    priority: Option<Code<ReportPriority>>,
    /// Why it was ordered, in plain text.
    reason: Option<String>,
    /// Whether it rests (ON_HOLD) or is to be carried out (ACTIVE).
    on_hold: Option<bool>,
}

impl From<UpdateImagingOrderInput> for UpdateOrder {
    fn from(input: UpdateImagingOrderInput) -> Self {
        Self {
            order_id: input.order_id.0,
            expected_version: input.expected_version,
            radiologist_id: input.radiologist_id.map(|id| id.0),
            priority: input.priority.map(|priority| priority.0),
            reason: input.reason,
            on_hold: input.on_hold,
        }
    }
}

/// An acquisition that is complete.
#[derive(InputObject)]
pub(crate) struct CompleteAcquisitionInput {
    /// The order.
    order_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The images, at least one, in the order in which they are shown. One that belongs to another order is refused with
    /// `ALREADY_EXISTS`.
    image_ids: Vec<ID>,
}

impl From<CompleteAcquisitionInput> for CompleteAcquisition {
    fn from(input: CompleteAcquisitionInput) -> Self {
        Self {
            order_id: input.order_id.0,
            expected_version: input.expected_version,
            image_ids: input.image_ids.into_iter().map(|id| id.0).collect(),
        }
    }
}

/// A step of an order that has a reason.
#[derive(InputObject)]
pub(crate) struct ImagingOrderStepInput {
    /// The order.
    order_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The reason, in plain text.
    reason: String,
}

impl From<ImagingOrderStepInput> for RevokeOrder {
    fn from(input: ImagingOrderStepInput) -> Self {
        Self { order_id: input.order_id.0, expected_version: input.expected_version, reason: input.reason }
    }
}

/// An order that the caller begins to read.
#[derive(InputObject)]
pub(crate) struct StartReadingInput {
    /// The order.
    order_id: ID,
    /// The member of the staff who reads it now, from whom the caller takes it over knowingly.
    take_over_from: Option<ID>,
}

impl From<StartReadingInput> for StartReading {
    fn from(input: StartReadingInput) -> Self {
        Self { order_id: input.order_id.0, take_over_from: input.take_over_from.map(|id| id.0) }
    }
}

/// An order that the caller gives back unread.
#[derive(InputObject)]
pub(crate) struct StopReadingInput {
    /// The order.
    order_id: ID,
}

impl From<StopReadingInput> for StopReading {
    fn from(input: StopReadingInput) -> Self {
        Self { order_id: input.order_id.0 }
    }
}

/// A result that was seen.
#[derive(InputObject)]
pub(crate) struct AcknowledgeImagingResultInput {
    /// The order.
    order_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

impl From<AcknowledgeImagingResultInput> for AcknowledgeResult {
    fn from(input: AcknowledgeImagingResultInput) -> Self {
        Self { order_id: input.order_id.0, expected_version: input.expected_version }
    }
}

/// An order, or why it was not given or changed.
#[derive(SimpleObject)]
pub(crate) struct ImagingOrderPayload {
    /// The order. Beside `VERSION_CONFLICT` and `ILLEGAL_TRANSITION` it is as it is now, by what somebody else has done.
    order: Option<ImagingOrder>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// The answer to a change of an order. What was refused because of how the order is comes with the order.
async fn payload(
    ctx: &Context<'_>,
    id: &ID,
    outcome: Outcome<domain::ImagingOrder>,
) -> Result<Option<ImagingOrderPayload>, Fault> {
    let is_news = |code| matches!(code, UserErrorCode::VersionConflict | UserErrorCode::IllegalTransition);
    let has_changed = matches!(&outcome, Err(Stop::Refused(errors)) if errors.iter().any(|error| is_news(error.code)));
    let (order, user_errors) = settled(outcome)?;
    let order = if has_changed { entity::<OrderById>(ctx, id).await? } else { order.map(Arc::new) };
    Ok(Some(ImagingOrderPayload { order: order.map(ImagingOrder), user_errors }))
}

/// What is done with orders.
#[derive(Default)]
pub(crate) struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Orders an examination; the order has the next accession number of the year.
    #[graphql(requires_scopes = "user/ServiceRequest.c", requires_scopes = "system/ServiceRequest.c")]
    async fn order_imaging(
        &self,
        ctx: &Context<'_>,
        input: OrderImagingInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let key = input.idempotency_key;
        let (order, user_errors) = settled(service::<Orders>(ctx).order(caller(ctx), input.into(), key, now()).await)?;
        Ok(Some(ImagingOrderPayload { order: order.map(|order| ImagingOrder(Arc::new(order))), user_errors }))
    }

    /// Changes the radiologist, the priority or the reason of an order, or lets it rest.
    #[graphql(requires_scopes = "user/ServiceRequest.u", requires_scopes = "system/ServiceRequest.u")]
    async fn update_imaging_order(
        &self,
        ctx: &Context<'_>,
        input: UpdateImagingOrderInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).update(caller(ctx), input.into(), now()).await).await
    }

    /// The images are there: the order goes to the readers' worklist, and its report is due from now on.
    #[graphql(requires_scopes = "user/ServiceRequest.u", requires_scopes = "system/ServiceRequest.u")]
    async fn complete_acquisition(
        &self,
        ctx: &Context<'_>,
        input: CompleteAcquisitionInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).acquire(caller(ctx), input.into(), now()).await).await
    }

    /// Takes an order back that has no report. It stays on record, and in no worklist.
    #[graphql(requires_scopes = "user/ServiceRequest.u", requires_scopes = "system/ServiceRequest.u")]
    async fn revoke_imaging_order(
        &self,
        ctx: &Context<'_>,
        input: ImagingOrderStepInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).revoke(caller(ctx), input.into(), now()).await).await
    }

    /// Gives an acquired order to the caller alone, for 30 minutes unless the installation says otherwise; asked again, from
    /// then on anew. Nobody else begins to read it or to report on it meanwhile, unless by `takeOverFrom`: refused with
    /// `ILLEGAL_TRANSITION`, which says who has it and until when.
    #[graphql(
        requires_scopes = "user/ServiceRequest.u user/DiagnosticReport.c",
        requires_scopes = "system/ServiceRequest.u system/DiagnosticReport.c"
    )]
    async fn start_reading(
        &self,
        ctx: &Context<'_>,
        input: StartReadingInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).start_reading(caller(ctx), input.into(), now()).await).await
    }

    /// Gives an order back that the caller has begun to read, before its time has ended.
    #[graphql(
        requires_scopes = "user/ServiceRequest.u user/DiagnosticReport.c",
        requires_scopes = "system/ServiceRequest.u system/DiagnosticReport.c"
    )]
    async fn stop_reading(
        &self,
        ctx: &Context<'_>,
        input: StopReadingInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).stop_reading(caller(ctx), input.into(), now()).await).await
    }

    /// Takes a reported order off the worklist RESULTS: somebody who orders has seen its result.
    #[graphql(requires_scopes = "user/ServiceRequest.c", requires_scopes = "system/ServiceRequest.c")]
    async fn acknowledge_imaging_result(
        &self,
        ctx: &Context<'_>,
        input: AcknowledgeImagingResultInput,
    ) -> Result<Option<ImagingOrderPayload>, Fault> {
        let id = input.order_id.clone();
        payload(ctx, &id, service::<Orders>(ctx).acknowledge(caller(ctx), input.into(), now()).await).await
    }
}
