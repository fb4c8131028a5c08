//! What is removed when its time has come. Any number of replicas may do so at once.

use chrono::{DateTime, Duration, Utc};
use healthbridge_jobs::{Items, Worker};
use healthbridge_objectstore::{ObjectStore, Swept};
use healthbridge_outcome::Fault;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::uploads::UPLOAD_LIFETIME;
use crate::{
    NAME,
    domain::OBJECTS,
    store::sweeps::{self, Due},
};

/// How long a URL that was used in its last second may still be sending.
const SENDING: Duration = Duration::hours(1);
/// How much older than any upload an object is that is taken for nobody's. It is long enough for an operator to stop the
/// service after a database was restored that knows less than the bucket.
const ORPHAN_MARGIN: Duration = Duration::hours(24);

/// Gives up uploads that were not completed in time: their bytes are purged then.
///
/// # Errors
/// When the database fails; what was given up stays so.
pub async fn give_up_uploads(pool: PgPool, now: DateTime<Utc>) -> Result<(), Fault> {
    Ok(sweeps::give_up_uploads(&pool, now - SENDING).await?)
}

/// Removes objects that no image has: what arrived after its upload was given up and its bytes purged.
///
/// # Errors
/// When the database or the storage fails; what was removed stays so.
pub async fn remove_orphans(pool: PgPool, objects: ObjectStore, now: DateTime<Utc>) -> Result<Swept, Fault> {
    let before = now - UPLOAD_LIFETIME - ORPHAN_MARGIN;
    let owned = async |keys: Vec<String>| Ok(sweeps::owned(&pool, &keys).await?);
    objects.sweep_orphans(OBJECTS, before, owned).await
}

/// Removes the bytes of deleted images and of uploads that failed, when their time has come.
pub fn purge(pool: PgPool, objects: ObjectStore) -> Worker<Purge> {
    Worker::new(Purge { objects }, pool, NAME)
}

/// The images whose bytes are to be removed. First the bytes go, then the row says so.
pub struct Purge {
    objects: ObjectStore,
}

impl Items for Purge {
    const JOB: &'static str = "remove bytes whose time has come";
    type Item = Due;

    fn id(due: &Due) -> Uuid {
        due.id
    }

    async fn due(connection: &mut PgConnection, now: DateTime<Utc>, most: i64) -> Result<Vec<Due>, sqlx::Error> {
        sweeps::due(connection, Self::JOB, now, most).await
    }

    async fn perform(&self, due: &Due) -> Result<(), Fault> {
        self.objects.delete(&due.object_key).await?;
        tracing::info!(image_id = %due.id, "removed the bytes of image {}", due.id);
        Ok(())
    }

    async fn done(connection: &mut PgConnection, due: &Due) -> Result<(), sqlx::Error> {
        sweeps::purged(connection, due.id).await
    }
}
