//! What billings are for: objects of other subgraphs, as far as money goes.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Batch, many, parse_id};
use healthbridge_outcome::Fault;
use healthbridge_rights::Caller;
use uuid::Uuid;

use super::billing::Billing;
use crate::{
    domain::{self, Occasion},
    service::Billings,
};

/// A diagnosis report (FHIR DiagnosticReport). One that the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct DiagnosisReport {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl DiagnosisReport {
    /// The billings for the report, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, Fault> {
        billings_for(ctx, &self.id, Occasion::Report).await
    }
}

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct MedicalImage {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl MedicalImage {
    /// The billings for the image, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, Fault> {
        billings_for(ctx, &self.id, Occasion::Image).await
    }
}

/// An appointment of a patient with a doctor (FHIR Appointment). One that the caller may not see looks like one that does
/// not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Appointment {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Appointment {
    /// The billings for the appointment, the newest first.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billings(&self, ctx: &Context<'_>) -> Result<Option<Vec<Billing>>, Fault> {
        billings_for(ctx, &self.id, Occasion::Appointment).await
    }
}

async fn billings_for(
    ctx: &Context<'_>,
    id: &ID,
    occasion: fn(Uuid) -> Occasion,
) -> Result<Option<Vec<Billing>>, Fault> {
    let Some(id) = parse_id(id) else { return Ok(None) };
    let found = many::<BillingsFor>(ctx, occasion(id), ()).await?;
    Ok(Some(found.iter().map(|row| Billing(row.1.clone())).collect()))
}

/// The billings for reports, images and appointments: each with what it is for, and again for whatever else it is for.
struct BillingsFor;

impl Batch for BillingsFor {
    type Service = Billings;
    type Key = Occasion;
    type Arguments = ();
    type Row = (Occasion, Arc<domain::Billing>);

    async fn load(
        billings: &Billings,
        caller: &Caller,
        occasions: &[Occasion],
        (): &(),
    ) -> Result<Vec<Self::Row>, Fault> {
        let found = billings.for_occasions(caller, occasions).await?;
        let each = |billing: domain::Billing| {
            let billing = Arc::new(billing);
            billing.occasions().map(move |occasion| (occasion, billing.clone()))
        };
        Ok(found.into_iter().flat_map(each).collect())
    }

    fn key((occasion, _): &Self::Row) -> Occasion {
        *occasion
    }
}

/// How these objects are found.
#[derive(Default)]
pub(super) struct OccasionQuery;

#[Object]
impl OccasionQuery {
    #[graphql(entity)]
    async fn find_diagnosis_report_by_id(&self, id: ID) -> DiagnosisReport {
        DiagnosisReport { id }
    }

    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, id: ID) -> MedicalImage {
        MedicalImage { id }
    }

    #[graphql(entity)]
    async fn find_appointment_by_id(&self, id: ID) -> Appointment {
        Appointment { id }
    }
}
