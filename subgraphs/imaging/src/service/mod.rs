//! What may be done with images and uploads, and by whom; and what is removed when its time has come.

mod images;
pub mod sweeps;
mod uploads;

pub(crate) use images::{DeleteImage, Images};
pub(crate) use uploads::{RequestUpload, Upload, Uploads};
