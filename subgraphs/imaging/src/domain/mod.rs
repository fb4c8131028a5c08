//! What images are and when a file is one. No IO.

mod content;
mod disposition;
mod image;

pub use content::{ContentType, Finding, HEADER_LENGTH, inspect};
pub use disposition::Disposition;
pub use image::{Image, ImageState, Modality, OBJECTS};
