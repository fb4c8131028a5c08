//! What the rows say, compared with each other and with the files.

use std::{
    collections::HashSet,
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use healthbridge_postgres::Embedded;
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, PgConnection};

/// What was compared.
#[derive(Default)]
pub struct Found {
    images: usize,
    objects_without_a_row: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, objects_without_a_row } = self;
        write!(f, "{images} images agree with their files, {objects_without_a_row} objects without an image")
    }
}

/// Compares all images with their files, and looks whether a connection was left inside a transaction.
pub async fn check(data_dir: &Path) -> Found {
    let options = Embedded::running(&data_dir.join("postgres")).expect("running");
    let mut database = options.connect().await.expect("connected");
    let (images, objects_without_a_row) = images(&mut database, &data_dir.join("storage/imaging/objects")).await;
    nobody_is_left_inside_a_transaction(&mut database).await;
    Found { images, objects_without_a_row }
}

/// An object's file begins with its properties; the bytes follow.
const HEAD: usize = 4096;

async fn images(database: &mut PgConnection, objects: &Path) -> (usize, usize) {
    let ready = "SELECT object_key, sha256 FROM imaging.medical_image WHERE state = 'READY'";
    let ready: Vec<(String, String)> = sqlx::query_as(ready).fetch_all(&mut *database).await.expect("rows");
    for (key, sha256) in &ready {
        let bytes = fs::read(objects.join(file_of(key))).unwrap_or_else(|error| panic!("the object of {key}: {error}"));
        assert_eq!(&hex::encode(Sha256::digest(&bytes[HEAD..])), sha256, "the object of {key}");
    }
    let known = "SELECT object_key FROM imaging.medical_image";
    let known: Vec<String> = sqlx::query_scalar(known).fetch_all(database).await.expect("rows");
    let known: HashSet<String> = known.iter().map(|key| file_of(key)).collect();
    let mut without = 0;
    for shard in fs::read_dir(objects).expect("a folder").flatten() {
        for file in fs::read_dir(shard.path()).expect("a folder").flatten() {
            let name = format!("{}/{}", shard.file_name().display(), file.file_name().display());
            without += usize::from(!known.contains(&name));
        }
    }
    (ready.len(), without)
}

fn file_of(key: &str) -> String {
    let name = hex::encode(Sha256::digest(key.as_bytes()));
    format!("{}/{name}", &name[..2])
}

async fn nobody_is_left_inside_a_transaction(database: &mut PgConnection) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let idle = "SELECT query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        let idle: Vec<String> = sqlx::query_scalar(idle).fetch_all(&mut *database).await.expect("rows");
        if idle.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "connections left inside a transaction: {idle:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
