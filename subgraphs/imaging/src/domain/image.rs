use chrono::{DateTime, Utc};
use healthbridge_terms::{Coding, coded};
use uuid::Uuid;

use super::ContentType;

coded! {
    /// How an image was acquired: a subset of DICOM CID 33, codes of Modality (0008,0060).
    pub enum Modality {
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
}

coded! {
    /// Where an image is on its way.
    pub enum ImageState {
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
}

/// What the keys of images begin with, in a bucket that others use, too.
pub const OBJECTS: &str = "images/";

/// A medical image, and the upload that it came by.
#[derive(Clone, Debug)]
pub struct Image {
    /// Our id; the upload's, too.
    pub id: Uuid,
    /// Whose image it is.
    pub patient_id: Uuid,
    /// How it was acquired.
    pub modality: Modality,
    /// The body part.
    pub body_site: Option<Coding>,
    /// A description.
    pub description: Option<String>,
    /// The file's name at the sender's.
    pub file_name: String,
    /// The media type.
    pub content_type: ContentType,
    /// The length in bytes.
    pub byte_size: i64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Where the bytes are.
    pub object_key: String,
    /// Where it is on its way.
    pub state: ImageState,
    /// When it was acquired.
    pub taken_at: Option<DateTime<Utc>>,
    /// When the upload was requested or completed.
    pub uploaded_at: DateTime<Utc>,
    /// Who uploaded it.
    pub uploaded_by: Uuid,
    /// When the upload's URL stops working.
    pub upload_expires_at: DateTime<Utc>,
    /// Whether it must not be deleted.
    pub legal_hold: bool,
    /// When its bytes may be removed.
    pub purge_after: Option<DateTime<Utc>>,
    /// Counts changes, from 1.
    pub version: i32,
}
