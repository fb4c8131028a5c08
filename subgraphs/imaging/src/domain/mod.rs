//! What images are and when a file is one. No IO.

mod content;
mod image;

pub use content::{ContentType, Finding, HEADER_LENGTH, inspect};
pub use image::{Image, ImageState, Modality, OBJECTS};
