use healthbridge_graphql::Time;
use std::sync::Arc;

use async_graphql::{ID, Object};
use healthbridge_objectstore::Presigned;

use super::image::{ImageState, MedicalImage};
use crate::{domain::Image, service};

/// An upload: the client sends the bytes to `put`, then calls `completeImageUpload`.
pub(crate) struct ImageUpload {
    image: Arc<Image>,
    put: Option<Presigned>,
}

impl From<service::Upload> for ImageUpload {
    fn from(upload: service::Upload) -> Self {
        Self { image: Arc::new(upload.image), put: upload.put }
    }
}

/// An upload: the client sends the bytes to `put`, then calls `completeImageUpload`.
#[Object]
impl ImageUpload {
    /// The upload's id, which is its image's.
    async fn id(&self) -> ID {
        self.image.id.into()
    }

    /// Where the image is on its way.
    async fn state(&self) -> ImageState {
        self.image.state.into()
    }

    /// Where to PUT the bytes, in one request with these headers; null once the upload ended.
    async fn put(&self) -> Option<&Presigned> {
        self.put.as_ref()
    }

    /// Until when the bytes must have been sent.
    async fn expires_at(&self) -> Time {
        self.image.upload_expires_at.into()
    }

    /// The image that it will be.
    async fn image(&self) -> MedicalImage {
        MedicalImage(self.image.clone())
    }
}
