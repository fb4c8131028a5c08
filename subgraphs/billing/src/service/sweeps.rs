//! What is removed when its time has come. Any number of replicas may do so at once.

use chrono::{DateTime, Duration, Utc};
use healthbridge_jobs::{Items, Worker};
use healthbridge_objectstore::{ObjectStore, Swept};
use healthbridge_outcome::Fault;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::exports::LIFETIME;
use crate::{
    NAME,
    domain::{OBJECTS, export_of, object_key},
    store::exports::{self, Expired},
};

/// How much older than any export an object is that is taken for nobody's.
const ORPHAN_MARGIN: Duration = Duration::hours(24);

/// Deletes objects of exports that are no more: what arrived after its time.
///
/// # Errors
/// When the database or the storage fails; what was done stays done.
pub async fn delete_orphans(pool: PgPool, objects: ObjectStore, now: DateTime<Utc>) -> Result<Swept, Fault> {
    let owned = async |keys: Vec<String>| {
        let ids: Vec<Uuid> = keys.iter().filter_map(|key| export_of(key)).collect();
        Ok(exports::kept(&pool, &ids).await?.into_iter().map(object_key).collect())
    };
    objects.sweep_orphans(OBJECTS, now - LIFETIME - ORPHAN_MARGIN, owned).await
}

/// Deletes the exports whose time has come.
pub fn delete_expired(pool: PgPool, objects: ObjectStore) -> Worker<DeleteExpired> {
    Worker::new(DeleteExpired { objects }, pool, NAME)
}

/// The exports whose time has come. First the object goes, then the row says so.
pub struct DeleteExpired {
    objects: ObjectStore,
}

impl Items for DeleteExpired {
    const JOB: &'static str = "delete expired exports";
    type Item = Expired;

    fn id(expired: &Expired) -> Uuid {
        expired.id
    }

    async fn due(connection: &mut PgConnection, now: DateTime<Utc>, most: i64) -> Result<Vec<Expired>, sqlx::Error> {
        exports::expired(connection, Self::JOB, now, most).await
    }

    async fn perform(&self, expired: &Expired) -> Result<(), Fault> {
        Ok(self.objects.delete(&object_key(expired.id)).await?)
    }

    async fn done(connection: &mut PgConnection, expired: &Expired) -> Result<(), sqlx::Error> {
        exports::deleted(connection, expired).await
    }
}
