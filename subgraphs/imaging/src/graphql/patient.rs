//! What images add to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Batch, Connection, batch, below, many, parse_id, total};
use healthbridge_outcome::{Fault, Window};
use healthbridge_rights::Caller;
use uuid::Uuid;

use super::image::{ImageFilter, MedicalImage};
use crate::{domain::Image, service::Images, store::images};

/// A patient, as far as images go.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// Our id, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl Patient {
    /// The patient's images, the newest first.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which images; those that are ready where it is left out.")] filter: Option<ImageFilter>,
    ) -> Result<Option<Connection<MedicalImage>>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let filter = images::ImageFilter::from(filter.unwrap_or_default());
        let (page, total) = tokio::try_join!(
            below::<ImagesOfPatient, _, _>(ctx, &self.id, first, after, filter.clone()),
            total(ctx, || count(ctx, patient, filter.clone())),
        )?;
        Ok(page.map(|page| page.counted(total)))
    }
}

async fn count(ctx: &Context<'_>, patient: Uuid, filter: images::ImageFilter) -> Result<i64, Fault> {
    let counts = many::<CountOfPatient>(ctx, patient, filter).await?;
    Ok(counts.first().map(|count| count.1).unwrap_or_default())
}

batch! {
    /// The images below patients.
    ImagesOfPatient = Images::of_patients(images::ImageFilter, Window<Uuid>) -> Image, by |image| image.patient_id
}

/// How many images there are below patients.
struct CountOfPatient;

impl Batch for CountOfPatient {
    type Service = Images;
    type Key = Uuid;
    type Arguments = images::ImageFilter;
    type Row = (Uuid, i64);

    async fn load(
        images: &Images,
        caller: &Caller,
        patients: &[Uuid],
        filter: &images::ImageFilter,
    ) -> Result<Vec<(Uuid, i64)>, Fault> {
        images.count_of_patients(caller, patients, filter).await
    }

    fn key((patient, _): &(Uuid, i64)) -> Uuid {
        *patient
    }
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
