//! What every test of the subgraph begins with.
#![allow(dead_code, reason = "each test program uses a part of this")]

use healthbridge_graphql::Exposure;
use healthbridge_imaging::{DESCRIPTION, open};
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, TestDatabase, TestStorage, Tokens, serve};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

pub struct Setup {
    pub database: TestDatabase,
    pub storage: TestStorage,
    pub tokens: Tokens,
    pub anonymous: Client,
    /// Who may delete, and who may upload.
    pub admin: Client,
    pub technologist: Client,
}

pub async fn setup() -> Setup {
    setup_by(|database| database.pool.clone()).await
}

/// The subgraph with a pool of the test's own.
pub async fn setup_by(pool: impl FnOnce(&TestDatabase) -> PgPool) -> Setup {
    let (database, storage, tokens) =
        (TestDatabase::of(DESCRIPTION.provision).await, TestStorage::start().await, Tokens::new());
    let subgraph = open(pool(&database), storage.objects.clone());
    let base = serve(subgraph.routes(tokens.verifier(), Exposure::default())).await;
    let anonymous = Client::new(&base);
    let [admin, technologist] = [Role::Admin, Role::Technologist].map(|role| anonymous.with_token(tokens.of(role)));
    Setup { database, storage, tokens, anonymous, admin, technologist }
}

impl Setup {
    pub fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }
}

pub fn dicom(content: &[u8]) -> Vec<u8> {
    [&[0; 128], b"DICM".as_slice(), content].concat()
}

pub fn request(patient: Uuid, bytes: &[u8], content_type: &str) -> Value {
    json!({
        "patientId": patient, "fileName": "a b.dcm", "contentType": content_type, "byteSize": bytes.len().to_string(),
        "sha256": hex::encode(Sha256::digest(bytes)), "modality": "CT", "idempotencyKey": Uuid::new_v4(),
    })
}
