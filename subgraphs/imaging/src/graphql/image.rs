use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use healthbridge_graphql::{ApiError, BigInt, Coding, Time, now};
use healthbridge_objectstore::Presigned;

use super::patient::{Patient, User};
use crate::{Service, domain, service::Disposition, store::ImageFilter as StoreFilter};

/// How an image was acquired: a subset of DICOM CID 33, codes of Modality (0008,0060).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Modality")]
pub(crate) enum Modality {
    /// Computed radiography.
    Cr,
    /// Computed tomography.
    Ct,
    /// Digital radiography.
    Dx,
    /// Electrocardiography.
    Ecg,
    /// Endoscopy.
    Es,
    /// Intra-oral radiography.
    Io,
    /// Intravascular ultrasound.
    Ivus,
    /// Mammography.
    Mg,
    /// Magnetic resonance.
    Mr,
    /// Nuclear medicine.
    Nm,
    /// Ophthalmic photography.
    Op,
    /// Other.
    Ot,
    /// Positron emission tomography.
    Pt,
    /// Panoramic X-ray.
    Px,
    /// Radiofluoroscopy.
    Rf,
    /// Slide microscopy.
    Sm,
    /// Structured report.
    Sr,
    /// Ultrasound.
    Us,
    /// X-ray angiography.
    Xa,
    /// External-camera photography.
    Xc,
}

/// Where an image is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ImageState")]
pub(crate) enum ImageState {
    /// The client has the URL and has not completed the upload.
    AwaitingUpload,
    /// What arrived is being verified.
    Verifying,
    /// Something was found in it.
    Quarantined,
    /// It can be seen.
    Ready,
    /// It was deleted and waits for its removal.
    Deleted,
    /// The upload was abandoned or did not pass.
    Failed,
}

/// What a browser does with a file (RFC 6266).
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Disposition")]
pub(crate) enum ContentDisposition {
    /// Shows it.
    Inline,
    /// Saves it.
    Attachment,
}

/// Which images a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct ImageFilter {
    /// Acquired in one of these ways.
    modality: Option<Vec<Modality>>,
    /// In one of these states. A patient sees those that are ready, whatever is asked.
    #[graphql(default_with = "vec![ImageState::Ready]")]
    state: Vec<ImageState>,
    /// Taken then or later.
    taken_from: Option<Time>,
    /// Taken before.
    taken_to: Option<Time>,
}

/// The store's filter; images that are ready where no filter is given.
pub(crate) fn filter(input: Option<ImageFilter>) -> StoreFilter {
    match input {
        Some(filter) => StoreFilter {
            modalities: filter.modality.into_iter().flatten().map(Into::into).collect(),
            states: filter.state.into_iter().map(Into::into).collect(),
            taken_from: filter.taken_from.map(Into::into),
            taken_to: filter.taken_to.map(Into::into),
        },
        None => StoreFilter {
            modalities: Vec::new(),
            states: vec![domain::ImageState::Ready],
            taken_from: None,
            taken_to: None,
        },
    }
}

/// A medical image. One that the caller may not see looks like one that does not exist.
pub(crate) struct MedicalImage(pub(crate) Arc<domain::Image>);

/// A medical image. One that the caller may not see looks like one that does not exist.
#[Object]
impl MedicalImage {
    /// Our id, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whose image it is. Null where the caller may not see the record, or it cannot be asked for.
    async fn patient(&self) -> Option<Patient> {
        Some(Patient::new(self.0.patient_id.into()))
    }

    /// How it was acquired.
    async fn modality(&self) -> Modality {
        self.0.modality.into()
    }

    /// The body part, a DICOM code.
    async fn body_site(&self) -> Option<&Coding> {
        self.0.body_site.as_ref()
    }

    /// A description.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The file's name at the sender's.
    async fn file_name(&self) -> &str {
        &self.0.file_name
    }

    /// The media type: `application/dicom`, `image/png` or `image/jpeg`.
    async fn content_type(&self) -> &'static str {
        self.0.content_type.into()
    }

    /// The length in bytes.
    async fn byte_size(&self) -> BigInt {
        BigInt(self.0.byte_size)
    }

    /// SHA-256 of the bytes, 64 digits of lower-case hexadecimal.
    async fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Where it is on its way.
    async fn state(&self) -> ImageState {
        self.0.state.into()
    }

    /// When it was acquired.
    async fn taken_at(&self) -> Option<Time> {
        self.0.taken_at.map(Time::from)
    }

    /// When the upload was requested or, once it is ready, completed.
    async fn uploaded_at(&self) -> Time {
        self.0.uploaded_at.into()
    }

    /// Who uploaded it.
    async fn uploaded_by(&self) -> Option<User> {
        Some(User { id: self.0.uploaded_by.into() })
    }

    /// Whether it must not be deleted.
    async fn legal_hold(&self) -> bool {
        self.0.legal_hold
    }

    /// Counts changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// A URL that reads the file; null until the image is ready. Error `BAD_USER_INPUT` for a life outside of 1 to 3600 s.
    #[graphql(
        requires_scopes = "user/ImagingStudy.r",
        requires_scopes = "patient/ImagingStudy.r",
        requires_scopes = "system/ImagingStudy.r"
    )]
    async fn download_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 300, desc = "How long the URL works, 1 to 3600 seconds.")] expires_in_seconds: i32,
        #[graphql(default_with = "ContentDisposition::Inline", desc = "What a browser does with it.")]
        disposition: ContentDisposition,
    ) -> Result<Option<Presigned>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let url = service.download_url(&self.0, expires_in_seconds, disposition.into(), now()).await?;
        Ok(url)
    }
}
