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
    /// The state of an image's file.
    pub enum ImageState {
        /// The upload was requested, and is not completed.
        AwaitingUpload,
        /// The uploaded file is being verified.
        Verifying,
        /// The file was found to be suspicious, and cannot be viewed.
        Quarantined,
        /// The image is verified and can be viewed.
        Ready,
        /// The image was deleted; its file is about to be removed.
        Deleted,
        /// The upload was not completed in time, or the file did not pass verification.
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
    /// The patient whom the image shows.
    pub patient_id: Uuid,
    /// The imaging order that it is acquired for.
    pub order_id: Option<Uuid>,
    /// The modality: how the image was acquired.
    pub modality: Modality,
    /// The body part.
    pub body_site: Option<Coding>,
    /// What the image shows, in the sender's words.
    pub description: Option<String>,
    /// The name that the file had on the sender's machine.
    pub file_name: String,
    /// The media type.
    pub content_type: ContentType,
    /// The size of the file in bytes.
    pub byte_size: i64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Where the bytes are.
    pub object_key: String,
    /// The state of the file: from the request of its upload until it can be viewed, or is deleted.
    pub state: ImageState,
    /// When the image was acquired.
    pub taken_at: Option<DateTime<Utc>>,
    /// When the upload was requested or completed.
    pub uploaded_at: DateTime<Utc>,
    /// The account that uploaded the image.
    pub uploaded_by: Uuid,
    /// When the upload's URL stops working.
    pub upload_expires_at: DateTime<Utc>,
    /// Whether the image is under legal hold, and must not be deleted.
    pub legal_hold: bool,
    /// When its bytes may be removed.
    pub purge_after: Option<DateTime<Utc>>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}
