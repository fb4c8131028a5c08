mod mutation;
mod query;

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use healthbridge_graphql::{Code, Coding, List, Time, caller, codes, now, one, parse_id};
use healthbridge_outcome::Fault;
use healthbridge_rights::{Resource, Right};
use uuid::Uuid;

use super::{
    appointment::{Appointment, AppointmentById},
    image::MedicalImage,
    patient::Patient,
    report::{DiagnosisReport, ReportOfOrder},
    staff::MedicalStaff,
};
use crate::{
    domain::{self, OrderStage, OrderStatus, ReportPriority},
    store::orders,
};

pub(super) use mutation::OrderMutation;
pub(super) use query::OrderQuery;

/// An order for imaging (FHIR ServiceRequest). One that the caller may not see looks like one that does not exist. To its
/// patient it looks the same before and after a radiologist begins to read, until the report is released.
pub(crate) struct ImagingOrder(pub(crate) Arc<domain::ImagingOrder>);

/// An order for imaging (FHIR ServiceRequest). One that the caller may not see looks like one that does not exist. To its
/// patient it looks the same before and after a radiologist begins to read, until the report is released.
#[Object]
impl ImagingOrder {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The status (FHIR request-status).
    async fn status(&self) -> Code<OrderStatus> {
        Code(self.0.status)
    }

    /// The statuses that this caller may move the order to next: ON_HOLD and ACTIVE by `updateImagingOrder`, REVOKED by
    /// `revokeImagingOrder`. It is COMPLETED by the release of its report.
    async fn allowed_transitions(&self, ctx: &Context<'_>) -> Vec<Code<OrderStatus>> {
        match caller(ctx).require(Resource::ServiceRequest, Right::Update) {
            Ok(_) => self.0.next_statuses().iter().copied().map(Code).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Where it is on its way.
    async fn stage(&self) -> Code<OrderStage> {
        Code(self.0.stage)
    }

    /// The priority (FHIR request-priority).
    async fn priority(&self) -> Code<ReportPriority> {
        Code(self.0.priority)
    }

    /// The patient who is to be examined. Null where the caller may not see the record, or the part of the system that knows
    /// it is unavailable.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient { id: self.0.patient_id.into() })
    }

    /// The member of the medical staff who ordered it. Null where the caller may not see the record, or the part of the
    /// system that knows it is unavailable.
    async fn ordered_by(&self) -> Option<MedicalStaff> {
        Some(MedicalStaff { id: self.0.ordered_by.into() })
    }

    /// The radiologist who is to read the images, reads them, or has read them. The patient is told when the report is
    /// released.
    async fn radiologist(&self) -> Option<MedicalStaff> {
        self.0.radiologist_id.map(|id| MedicalStaff { id: id.into() })
    }

    /// Until when the radiologist has the order alone, without having begun a report; null where nobody has it, and for the
    /// patient.
    async fn reading_until(&self) -> Option<Time> {
        self.0.reader(now()).map(|(_, until)| until.into())
    }

    /// The appointment at which the images are acquired.
    #[graphql(
        requires_scopes = "user/Appointment.r",
        requires_scopes = "patient/Appointment.r",
        requires_scopes = "system/Appointment.r"
    )]
    async fn appointment(&self, ctx: &Context<'_>) -> Result<Option<Appointment>, Fault> {
        match self.0.appointment_id {
            Some(id) => Ok(one::<AppointmentById>(ctx, id).await?.map(Appointment)),
            None => Ok(None),
        }
    }

    /// What is to be examined, a code of LOINC or SNOMED CT.
    async fn code(&self) -> Option<Coding> {
        self.0.code.as_ref().map(Coding::from)
    }

    /// How the images are to be acquired, a code of DICOM CID 29 such as `CT`, `MR` or `US` (Modality, 0008,0060).
    async fn modality(&self) -> &str {
        &self.0.modality
    }

    /// The part of the body, a code of SNOMED CT or DICOM.
    async fn body_site(&self) -> Option<Coding> {
        self.0.body_site.as_ref().map(Coding::from)
    }

    /// Why it was ordered, in plain text.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Why it was ordered, in codes of ICD-10.
    async fn reason_codes(&self) -> Vec<Coding> {
        self.0.reason_codes.iter().map(Coding::from).collect()
    }

    /// The number that images and reports are filed by (DICOM Accession Number, 0008,0050), such as `ACC-2026-000001`. Each
    /// year begins with 1 and has no gaps.
    async fn accession_number(&self) -> &str {
        &self.0.accession_number
    }

    /// The images that were acquired for it. An item is null where the image was deleted, the caller may not see it, or it
    /// cannot be asked for; the others keep their places.
    async fn images(&self) -> Vec<Option<MedicalImage>> {
        self.0.image_ids.iter().map(|id| Some(MedicalImage { id: (*id).into() })).collect()
    }

    /// The report that answers it, unless it was cancelled or entered in error. The patient sees it from FINAL on.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<DiagnosisReport>, Fault> {
        Ok(one::<ReportOfOrder>(ctx, self.0.id).await?.map(DiagnosisReport))
    }

    /// When the images were there; null before.
    async fn acquired_at(&self) -> Option<Time> {
        self.0.acquired_at.map(Time::from)
    }

    /// When the report is due, by the priority: STAT 1 hour, ASAP 4 hours, URGENT a day, ROUTINE a week after the acquisition,
    /// unless the installation says otherwise; null before it.
    async fn due_at(&self) -> Option<Time> {
        self.0.due_at().map(Time::from)
    }

    /// Whether the report should have been released by now.
    async fn overdue(&self) -> bool {
        self.0.is_overdue(now())
    }

    /// Why it was revoked, in plain text.
    async fn revoke_reason(&self) -> Option<&str> {
        self.0.revoke_reason.as_deref()
    }

    /// When it was ordered.
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

impl List for ImagingOrder {
    const ORDER: &'static str = "imaging-order";
    type Row = domain::ImagingOrder;
    type Place = Uuid;

    fn place(order: &domain::ImagingOrder) -> Uuid {
        order.id
    }

    fn node(order: Arc<domain::ImagingOrder>) -> Self {
        Self(order)
    }
}

/// Which orders a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct ImagingOrderFilter {
    /// With one of these statuses.
    status: Option<Vec<Code<OrderStatus>>>,
    /// At one of these stages.
    stage: Option<Vec<Code<OrderStage>>>,
    /// Of one of these priorities.
    priority: Option<Vec<Code<ReportPriority>>>,
    /// For this patient.
    patient_id: Option<ID>,
    /// Given by this member of the staff.
    ordered_by_id: Option<ID>,
    /// That this radiologist is to read, reads or has read.
    radiologist_id: Option<ID>,
    /// For this appointment.
    appointment_id: Option<ID>,
    /// Ordered then or later.
    from: Option<Time>,
    /// Ordered before.
    to: Option<Time>,
}

impl From<ImagingOrderFilter> for orders::OrderFilter {
    fn from(filter: ImagingOrderFilter) -> Self {
        // What is no id of ours names nobody, who has no order.
        let id = |id: Option<ID>| id.map(|id| parse_id(&id).unwrap_or_default());
        Self {
            statuses: codes(filter.status),
            stages: codes(filter.stage),
            priorities: codes(filter.priority),
            patient_id: id(filter.patient_id),
            ordered_by: id(filter.ordered_by_id),
            radiologist_id: id(filter.radiologist_id),
            appointment_id: id(filter.appointment_id),
            from: filter.from.map(Into::into),
            to: filter.to.map(Into::into),
            as_patient: false,
        }
    }
}
