use chrono::{DateTime, Duration, Utc};
use healthbridge_objectstore::{ObjectStore, ObjectStoreError, Swept};
use healthbridge_outcome::Fault;
use sqlx::PgPool;

use super::uploads::UPLOAD_LIFETIME;
use crate::{domain::OBJECTS, store::sweeps};

/// How long a URL that was used in its last second may still be sending.
const SENDING: Duration = Duration::hours(1);
/// How much older than any upload an object is that is taken for nobody's. It is long enough for an operator to stop the
/// service after a database was restored that knows less than the bucket.
const ORPHAN_MARGIN: Duration = Duration::hours(24);

/// The storage could not be cleaned up.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectStoreError),
}

impl From<SweepError> for Fault {
    fn from(error: SweepError) -> Self {
        Self::internal(error)
    }
}

/// After so many pages of which nothing could be removed a sweep gives up.
const MOST_IN_VAIN: u32 = 20;

/// What is removed when its time has come. Several replicas may do so at once.
pub struct Sweeps {
    pool: PgPool,
    objects: ObjectStore,
}

impl Sweeps {
    /// The sweeps of this database and storage.
    pub fn new(pool: PgPool, objects: ObjectStore) -> Self {
        Self { pool, objects }
    }

    /// Gives up uploads that were not completed in time, and removes bytes whose time has come.
    ///
    /// # Errors
    /// When the database or the storage fails; what was done stays done, and an object that cannot be removed keeps no
    /// other one.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<(), SweepError> {
        sweeps::abandon_uploads(&self.pool, now - SENDING).await?;
        let (mut failure, mut last, mut in_vain) = (None, None, 0);
        loop {
            let due = sweeps::to_purge(&self.pool, now, last.as_ref()).await?;
            let mut removed = 0;
            for one in &due {
                if let Err(error) = self.objects.delete(&one.object_key).await {
                    tracing::warn!(image_id = %one.id, %error, "the bytes of image {} cannot be removed", one.id);
                    failure = Some(error);
                    continue;
                }
                sweeps::purged(&self.pool, one.id).await?;
                removed += 1;
                tracing::info!(image_id = %one.id, "removed the bytes of image {}", one.id);
            }
            // Where none of so many can be, the storage itself is at fault.
            in_vain = if removed == 0 { in_vain + 1 } else { 0 };
            if due.is_empty() || in_vain == MOST_IN_VAIN {
                return failure.map_or(Ok(()), |failure| Err(failure.into()));
            }
            last = due.into_iter().last();
        }
    }

    /// Removes objects that no image has: what arrived after its upload was given up and its bytes removed.
    ///
    /// # Errors
    /// When the database or the storage fails; what was done stays done.
    pub async fn sweep_orphans(&self, now: DateTime<Utc>) -> Result<Swept, SweepError> {
        let before = now - UPLOAD_LIFETIME - ORPHAN_MARGIN;
        let owned = async |keys: Vec<String>| Ok(sweeps::owned(&self.pool, &keys).await?);
        self.objects.sweep_orphans(OBJECTS, before, owned).await
    }
}
