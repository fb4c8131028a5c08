use anyhow::Context;
use healthbridge_objectstore::{Browsers, ObjectStore};

use super::patience::patiently;
use crate::Config;

/// Makes the bucket one that browsers can use.
pub(crate) async fn prepare_storage(config: &Config) -> anyhow::Result<()> {
    let (objects, origins) = (ObjectStore::new(&config.storage_location()?), config.origins()?);
    // A storage that is starting answers before it has its keys and its bucket: no refusal is the last word.
    let set = patiently("the storage", |_| true, || objects.allow_origins(&origins));
    match set.await.context("the storage cannot be prepared")? {
        Browsers::ByRule => println!("pages of {} may use the bucket {}", origins.join(", "), config.bucket()),
        Browsers::ByItself => println!(
            "note: the storage takes no CORS rules: whether pages of {} may use it is up to its own settings",
            origins.join(", ")
        ),
    }
    Ok(())
}
