//! Objects as files. An object is written under a temporary name, verified, flushed and renamed: it is there whole or
//! not at all, whatever happens to the process or the machine.

use std::{
    io::{self, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter},
};

/// The head of each file holds the object's properties; the bytes follow.
const HEAD: usize = 4096;

/// How many objects one listing looks at.
pub const MOST_LISTED: usize = 1000;

/// What is kept of an object beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// The object's key.
    pub key: String,
    /// The media type.
    pub content_type: Option<String>,
    /// The length in bytes.
    pub size: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// MD5, lower-case hex: the `ETag`.
    pub md5: String,
    /// When the object was stored.
    pub stored_at: DateTime<Utc>,
}

/// What a sender said of the bytes; each is verified.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The length.
    pub size: Option<u64>,
    /// SHA-256, lower-case hex.
    pub sha256: Option<String>,
    /// MD5, lower-case hex.
    pub md5: Option<String>,
}

/// Why an object was not stored or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The bytes are not those that were announced.
    #[error("the bytes do not match the {0} that was announced")]
    Mismatch(&'static str),
    /// The sender went away.
    #[error("the bytes did not arrive whole")]
    Incomplete,
    /// The key does not fit.
    #[error("the key is too long")]
    KeyTooLong,
    /// A file could not be used.
    #[error("the storage failed")]
    Io(#[from] io::Error),
}

/// A part of what a bucket has.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The objects.
    pub objects: Vec<Properties>,
    /// Where the next part begins; `None` where this was the last.
    pub next: Option<String>,
}

/// One bucket in a folder.
#[derive(Clone, Debug)]
pub struct Store {
    bucket: String,
    objects: PathBuf,
    incoming: PathBuf,
}

impl Store {
    /// Opens the bucket in this folder, and makes it where there is none. What an earlier process did not finish is
    /// removed.
    pub async fn open(root: &Path, bucket: &str) -> Result<Self, io::Error> {
        let store = Self {
            bucket: bucket.to_owned(),
            objects: root.join(bucket).join("objects"),
            incoming: root.join(bucket).join("incoming"),
        };
        match fs::remove_dir_all(&store.incoming).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => make_folder(&store.incoming).await?,
        }
        for shard in 0..=u8::MAX {
            make_folder(&store.objects.join(hex::encode([shard]))).await?;
        }
        sync_folder(&store.objects).await?;
        Ok(store)
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// A key is data: only its digest becomes a file name.
    fn path(&self, key: &str) -> PathBuf {
        let name = hex::encode(Sha256::digest(key.as_bytes()));
        self.objects.join(&name[..2]).join(name)
    }

    /// Stores an object, verified and durable, in place of one with the same key.
    pub async fn put<E>(
        &self,
        key: &str,
        content_type: Option<String>,
        expected: Expected,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
        now: DateTime<Utc>,
    ) -> Result<Properties, StoreError> {
        let temporary = Temporary::new(self.incoming.join(uuid_name()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.path).await?;
        let mut file = BufWriter::with_capacity(256 * 1024, file);
        file.write_all(&[0; HEAD]).await?;
        let (mut sha256, mut md5, mut size) = (Sha256::new(), Md5::new(), 0_u64);
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|_| StoreError::Incomplete)?;
            size += chunk.len() as u64;
            if expected.size.is_some_and(|announced| size > announced) {
                return Err(StoreError::Mismatch("length"));
            }
            sha256.update(&chunk);
            md5.update(&chunk);
            file.write_all(&chunk).await?;
        }
        let properties = Properties {
            key: key.to_owned(),
            content_type,
            size,
            sha256: hex::encode(sha256.finalize()),
            md5: hex::encode(md5.finalize()),
            stored_at: now,
        };
        verify(&expected, &properties)?;
        file.seek(SeekFrom::Start(0)).await?;
        file.write_all(&head(&properties)?).await?;
        file.flush().await?;
        file.into_inner().sync_all().await?;
        let path = self.path(key);
        fs::rename(&temporary.path, &path).await?;
        sync_folder(path.parent().unwrap_or(&self.objects)).await?;
        Ok(properties)
    }

    /// The object's properties.
    pub async fn head(&self, key: &str) -> Result<Properties, StoreError> {
        self.open_object(key).await.map(|(properties, _)| properties)
    }

    /// The object's properties and its file, which stays readable when the object is replaced or deleted.
    pub async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.open_object(key).await.map(|(properties, file)| Object { properties, file })
    }

    /// Deletes the object; one that is not there is no fault.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path).await {
            Ok(()) => Ok(sync_folder(path.parent().unwrap_or(&self.objects)).await?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Some objects whose keys begin with a prefix, behind the place that an earlier call has come to. No more than
    /// [`MOST_LISTED`] objects are looked at, however many there are; they are in the order of their files, not of their keys,
    /// since that is the one that needs no list of all.
    pub async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let first = after.and_then(|name| u8::from_str_radix(name.get(..2)?, 16).ok()).unwrap_or_default();
        let mut looked_at = 0;
        for shard in first..=u8::MAX {
            let mut names = Vec::new();
            let mut files = fs::read_dir(self.objects.join(hex::encode([shard]))).await?;
            while let Some(file) = files.next_entry().await? {
                let name = file.file_name().to_string_lossy().into_owned();
                // Whatever else lies there is no object.
                let is_object = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_object && after.is_none_or(|after| name.as_str() > after) {
                    names.push(name);
                }
            }
            names.sort_unstable();
            for name in names {
                let path = self.objects.join(&name[..2]).join(&name);
                match Self::open_file(&path).await {
                    Ok((found, _)) if found.key.starts_with(prefix) => listing.objects.push(found),
                    // Another's, or deleted meanwhile.
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => tracing::warn!(file = %path.display(), %error, "an object cannot be read"),
                }
                looked_at += 1;
                if listing.objects.len() == most || looked_at == MOST_LISTED {
                    listing.next = Some(name);
                    return Ok(listing);
                }
            }
        }
        Ok(listing)
    }

    async fn open_object(&self, key: &str) -> Result<(Properties, File), StoreError> {
        Self::open_file(&self.path(key)).await
    }

    async fn open_file(path: &Path) -> Result<(Properties, File), StoreError> {
        let mut file = match File::open(path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::NotFound),
            other => other?,
        };
        let mut head = vec![0; HEAD];
        file.read_exact(&mut head).await?;
        let end = head.iter().position(|byte| *byte == 0).unwrap_or(HEAD);
        let properties = serde_json::from_slice(&head[..end]).map_err(io::Error::from)?;
        Ok((properties, file))
    }
}

/// An object that is being read.
#[derive(Debug)]
pub struct Object {
    /// Its properties.
    pub properties: Properties,
    file: File,
}

impl Object {
    /// The bytes of a range.
    pub async fn read(
        mut self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static, StoreError> {
        self.file.seek(SeekFrom::Start(HEAD as u64 + range.start)).await?;
        let part = self.file.take(range.end - range.start);
        Ok(tokio_util::io::ReaderStream::with_capacity(part, 64 * 1024))
    }
}

/// Images are nobody's but the storage's.
async fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).await
}

fn verify(expected: &Expected, found: &Properties) -> Result<(), StoreError> {
    let differs = |announced: &Option<String>, found: &str| announced.as_deref().is_some_and(|text| text != found);
    if expected.size.is_some_and(|size| size != found.size) {
        Err(StoreError::Mismatch("length"))
    } else if differs(&expected.sha256, &found.sha256) {
        Err(StoreError::Mismatch("SHA-256"))
    } else if differs(&expected.md5, &found.md5) {
        Err(StoreError::Mismatch("MD5"))
    } else {
        Ok(())
    }
}

fn head(properties: &Properties) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(properties).map_err(io::Error::from)?;
    if json.len() < HEAD { Ok(json) } else { Err(StoreError::KeyTooLong) }
}

async fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

fn uuid_name() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A file that is removed unless it was renamed away.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, io::Error>> + Unpin + use<> {
        stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    async fn read_all(object: Object) -> Vec<u8> {
        let size = object.properties.size;
        let parts: Vec<_> = object.read(0..size).await.expect("readable").collect().await;
        parts.into_iter().flat_map(|part| part.expect("a chunk")).collect()
    }

    #[tokio::test]
    async fn an_object_comes_back_as_it_was_stored_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "b").await.expect("a store");
        let expected = Expected { size: Some(6), ..Expected::default() };
        store.put("../a/b", None, expected, chunks(&[b"abc", b"def"]), Utc::now()).await.expect("stored");
        let store = Store::open(folder.path(), "b").await.expect("a store");
        assert_eq!(read_all(store.get("../a/b").await.expect("found")).await, b"abcdef");
    }

    #[tokio::test]
    async fn bytes_that_do_not_match_replace_nothing_and_leave_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "b").await.expect("a store");
        store.put("k", None, Expected::default(), chunks(&[b"good"]), Utc::now()).await.expect("stored");
        let wrong = [
            Expected { sha256: Some("00".repeat(32)), ..Expected::default() },
            Expected { md5: Some("00".repeat(16)), ..Expected::default() },
            Expected { size: Some(3), ..Expected::default() },
            Expected { size: Some(5), ..Expected::default() },
        ];
        for expected in wrong {
            let stored = store.put("k", None, expected, chunks(&[b"evil"]), Utc::now()).await;
            assert!(matches!(stored, Err(StoreError::Mismatch(_))), "{stored:?}");
        }
        let broken = stream::iter(vec![Ok(Bytes::from_static(b"ev")), Err(io::Error::other("gone"))]);
        let stored = store.put("k", None, Expected::default(), broken, Utc::now()).await;
        assert!(matches!(stored, Err(StoreError::Incomplete)), "{stored:?}");
        assert_eq!(read_all(store.get("k").await.expect("found")).await, b"good");
        assert_eq!(std::fs::read_dir(folder.path().join("b/incoming")).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn a_deleted_object_is_gone_and_deleting_it_again_is_no_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "b").await.expect("a store");
        store.put("k", None, Expected::default(), chunks(&[b"x"]), Utc::now()).await.expect("stored");
        store.delete("k").await.expect("deleted");
        store.delete("k").await.expect("no fault");
        assert!(matches!(store.head("k").await, Err(StoreError::NotFound)));
    }

    #[tokio::test]
    async fn a_bucket_is_listed_in_parts_each_object_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "b").await.expect("a store");
        let mut keys: Vec<String> = (0..300).map(|number| format!("a/{number}")).collect();
        for key in keys.iter().map(String::as_str).chain(["b/other"]) {
            store.put(key, None, Expected::default(), chunks(&[b"x"]), Utc::now()).await.expect("stored");
        }
        let (mut found, mut next, mut parts) = (Vec::new(), None, 0);
        loop {
            let page = store.list("a/", next.as_deref(), 7).await.expect("listed");
            assert!(page.objects.len() <= 7);
            found.extend(page.objects.into_iter().map(|object| object.key));
            parts += 1;
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        found.sort_unstable();
        keys.sort_unstable();
        assert_eq!(found, keys);
        assert!(parts > 40, "{parts}");
    }
}
