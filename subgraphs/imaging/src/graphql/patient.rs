//! What images add to a patient.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Connection, below, parse_id};
use healthbridge_outcome::{Fault, PageArgs};
use uuid::Uuid;

use super::image::{ImageFilter, MedicalImage};
use crate::{domain::Image, service::Images, store::images};

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Patient {
    /// The id in this system, a UUIDv7.
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
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which images; those that are ready where it is left out.")] filter: Option<ImageFilter>,
    ) -> Result<Option<Connection<MedicalImage>>, Fault> {
        let Some(patient) = parse_id(&self.id) else { return Ok(None) };
        let args = PageArgs::new(first, after, last, before)?;
        below::<ImagesOfPatient, _>(ctx, patient, &args, filter.unwrap_or_default().into()).await
    }
}

below! {
    /// The images below patients.
    ImagesOfPatient = Images::{of_patients, count_of_patients}(images::ImageFilter; Uuid) -> Image,
        by |image| image.patient_id
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
