use std::collections::HashSet;

use aws_sdk_s3::{primitives::DateTime as Moment, types::Object};
use chrono::{DateTime, Utc};

use super::{ObjectStore, ObjectStoreError, failed};

/// After so many failures in a row the storage itself is at fault, and the rest waits for the next time.
const MOST_FAILURES: usize = 20;

/// What became of the objects that nobody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many were removed.
    pub removed: usize,
    /// How many could not be.
    pub failed: usize,
}

impl ObjectStore {
    /// Removes the objects below a prefix that were stored before a moment and that nobody has. They are read in pages, of
    /// which `owned` gives the keys that somebody has. One that cannot be removed keeps no other one.
    ///
    /// # Errors
    /// When the storage cannot be listed, or `owned` fails; what was removed stays so.
    pub async fn sweep_orphans<E, F>(
        &self,
        prefix: &str,
        before: DateTime<Utc>,
        owned: impl Fn(Vec<String>) -> F,
    ) -> Result<Swept, E>
    where
        E: From<ObjectStoreError>,
        F: Future<Output = Result<Vec<String>, E>>,
    {
        let (mut swept, mut in_a_row, mut token) = (Swept::default(), 0, None);
        loop {
            let list = self.internal.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = list.set_continuation_token(token).send().await.map_err(failed)?;
            let old = |object: &Object| object.last_modified().is_some_and(|at| is_before(at, before));
            let objects = page.contents().iter().filter(|object| old(object));
            // A server may send more than was asked for: what is below another prefix is another's.
            let keys = objects.filter_map(Object::key).filter(|key| key.starts_with(prefix)).map(str::to_owned);
            let keys: Vec<String> = keys.collect();
            if !keys.is_empty() {
                let owned: HashSet<String> = owned(keys.clone()).await?.into_iter().collect();
                for key in keys.iter().filter(|key| !owned.contains(*key)) {
                    match self.delete(key).await {
                        Ok(()) => {
                            swept.removed += 1;
                            in_a_row = 0;
                        }
                        Err(error) => {
                            tracing::warn!(%key, %error, "the object {key} is nobody's, and cannot be removed");
                            swept.failed += 1;
                            in_a_row += 1;
                        }
                    }
                    if in_a_row >= MOST_FAILURES {
                        return Ok(swept);
                    }
                }
            }
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() || page.is_truncated() != Some(true) {
                break;
            }
        }
        if swept.removed > 0 {
            tracing::info!(removed = swept.removed, "removed {} objects that were nobody's", swept.removed);
        }
        Ok(swept)
    }
}

fn is_before(at: &Moment, before: DateTime<Utc>) -> bool {
    at.secs() < before.timestamp()
}
