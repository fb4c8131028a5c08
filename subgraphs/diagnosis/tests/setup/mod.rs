//! What every test of the subgraph begins with.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod orders;

use std::sync::Arc;

use healthbridge_diagnosis::{DESCRIPTION, Settings, Signing, open};
use healthbridge_graphql::Exposure;
use healthbridge_rights::Role;
use healthbridge_signature::Signers;
use healthbridge_testkit::{Client, TestDatabase, Tokens, serve};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

pub struct Setup {
    pub database: TestDatabase,
    pub tokens: Tokens,
    pub anonymous: Client,
}

pub async fn setup() -> Setup {
    setup_by(|database| database.pool.clone()).await
}

/// The subgraph with a pool of the test's own.
pub async fn setup_by(pool: impl FnOnce(&TestDatabase) -> PgPool) -> Setup {
    setup_with(&Settings::default(), pool).await
}

/// The subgraph as a deployment has decided, with a pool of the test's own.
pub async fn setup_with(settings: &Settings, pool: impl FnOnce(&TestDatabase) -> PgPool) -> Setup {
    let (database, tokens) = (TestDatabase::of(DESCRIPTION.provision).await, Tokens::new());
    let subgraph = open(pool(&database), settings, signing(&tokens));
    let base = serve(subgraph.routes(tokens.verifier(), Exposure::default())).await;
    Setup { database, tokens, anonymous: Client::new(&base) }
}

/// What reports are signed by.
pub fn signing(tokens: &Tokens) -> Signing {
    Signing::new(tokens.verifier(), Arc::new(Signers::generate().expect("a key")))
}

impl Setup {
    pub fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }

    pub async fn set_status(&self, report: &Value, status: &str) {
        let id: Uuid = report.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let update = sqlx::query("UPDATE diagnosis.report SET status = $2 WHERE id = $1").bind(id).bind(status);
        update.execute(&self.database.pool).await.expect("updated");
    }
}
