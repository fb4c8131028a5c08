use chrono::{DateTime, Duration, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::Service;
use crate::{NAME, domain::ImageState, store::Store};

/// How long the bytes of a deleted image are kept.
const RETENTION: Duration = Duration::days(30);

/// A deletion as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeleteImage {
    pub image_id: String,
    pub reason: String,
    pub expected_version: Option<i32>,
}

/// What was deleted.
pub(crate) struct Deleted {
    pub image_id: Uuid,
    pub purge_after: Option<DateTime<Utc>>,
}

impl Service {
    /// Takes an image out of every list; its bytes are removed after the retention.
    pub(crate) async fn delete_image(
        &self,
        caller: &Caller,
        input: DeleteImage,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Deleted>, ApiError> {
        let account = caller.require(Resource::ImagingStudy, Right::Delete)?;
        let now = now.trunc_subsecs(6);
        let refuse = |field, code, message: &str| Ok(Err(vec![UserError::at(field, code, message)]));
        let not_found = || refuse("imageId", UserErrorCode::NotFound, "There is no such image");
        let Ok(id) = Uuid::try_parse(&input.image_id) else { return not_found() };
        let key = key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "deleteImage" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.by_id(&[id], None).await.map_err(ApiError::internal)?.into_iter().next();
                let purge_after = first.ok_or(ApiError::Unauthorized)?.purge_after;
                return Ok(Ok(Deleted { image_id: id, purge_after }));
            }
        };
        let mut refusals = Refusals::default();
        let reason = refusals.line("reason", &input.reason);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let Some(image) = Store::lock(&mut transaction, id).await.map_err(ApiError::internal)? else {
            return not_found();
        };
        if image.state == ImageState::Deleted {
            return refuse("imageId", UserErrorCode::NotFound, "There is no such image");
        }
        if image.legal_hold {
            return refuse("imageId", UserErrorCode::LegalHold, "The image is under legal hold");
        }
        let purge_after = now + RETENTION;
        let is_expected = input.expected_version.is_none_or(|version| version == image.version);
        let deleted = is_expected
            && Store::delete(&mut transaction, &image, account.user_id, &reason, now, purge_after)
                .await
                .map_err(ApiError::internal)?;
        if !deleted {
            let message = "The image was changed meanwhile: read it again";
            return refuse("expectedVersion", UserErrorCode::VersionConflict, message);
        }
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(Deleted { image_id: image.id, purge_after: Some(purge_after) }))
    }
}
