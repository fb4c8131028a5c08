use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use healthbridge_listener::Face;
use healthbridge_objectstore::{Location, ObjectStore};
use healthbridge_storage::{Credentials, Store};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::serve_until;

/// The embedded storage on a port and in a folder of the test's own.
#[derive(Debug)]
pub struct TestStorage {
    /// A client of it.
    pub objects: ObjectStore,
    /// Where it is.
    pub location: Location,
    folder: TempDir,
    locked: Arc<Mutex<HashSet<String>>>,
}

impl TestStorage {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "imaging").await.expect("a store");
        let credentials =
            Credentials { access_key_id: "HBTEST".to_owned(), secret_access_key: "a-secret-of-the-test".into() };
        let locked: Arc<Mutex<HashSet<String>>> = Arc::default();
        let routes = healthbridge_storage::routes(store, &credentials)
            .layer(middleware::from_fn_with_state(locked.clone(), refuse_to_delete_locked));
        let (endpoint, _) = serve_until(routes, Face::Objects, CancellationToken::new()).await;
        let location = Location {
            internal_endpoint: endpoint.clone(),
            public_endpoint: endpoint,
            region: "us-east-1".to_owned(),
            bucket: "imaging".to_owned(),
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
        };
        Self { objects: ObjectStore::new(&location), location, folder, locked }
    }

    /// How many objects and unfinished files there are.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn files(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(self.folder.path())
    }

    /// Puts a folder where the storage keeps the file of this object, so that it can do nothing with it.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn block(&self, key: &str) {
        std::fs::remove_file(self.file(key)).expect("the object's file");
        std::fs::create_dir(self.file(key)).expect("a folder");
    }

    /// Takes that folder away, and the object with it.
    ///
    /// # Panics
    /// When there is none.
    pub fn unblock(&self, key: &str) {
        std::fs::remove_dir(self.file(key)).expect("the folder");
    }

    /// Where the storage keeps an object.
    fn file(&self, key: &str) -> PathBuf {
        let name = hex::encode(Sha256::digest(key.as_bytes()));
        self.folder.path().join(&self.location.bucket).join("objects").join(&name[..2]).join(name)
    }

    /// From now on the storage refuses to delete this object, as one does that is under a legal hold.
    ///
    /// # Panics
    /// Never.
    pub fn lock(&self, key: &str) {
        let path = format!("/{}/{key}", self.location.bucket);
        self.locked.lock().expect("nobody panics with it").insert(path);
    }
}

async fn refuse_to_delete_locked(
    State(locked): State<Arc<Mutex<HashSet<String>>>>,
    request: Request,
    next: Next,
) -> Response {
    let is_locked = locked.lock().expect("nobody panics with it").contains(request.uri().path());
    if is_locked && request.method() == Method::DELETE {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Sends bytes where an image's upload says and with the headers that it says; `None` where there is no answer.
pub async fn put(upload: &Value, bytes: &[u8]) -> Option<StatusCode> {
    let mut request = reqwest::Client::new().put(upload["put"]["url"].as_str()?).body(bytes.to_vec());
    for header in upload["put"]["headers"].as_array()? {
        // The client says by itself how many bytes it sends.
        if header["name"] != "content-length" {
            request = request.header(header["name"].as_str()?, header["value"].as_str()?);
        }
    }
    Some(request.send().await.ok()?.status())
}
