//! What may be done with images and uploads, and by whom; and what is removed when its time has come.

mod images;
mod sweeps;
mod uploads;

pub(crate) use images::{DeleteImage, Images};
pub use sweeps::{SweepError, Sweeps};
pub(crate) use uploads::{RequestUpload, Upload, Uploads};
