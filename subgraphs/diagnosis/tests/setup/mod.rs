//! What every test of the subgraph begins with.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod orders;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::Utc;
use healthbridge_auth::Bearer;
use healthbridge_diagnosis::{
    DESCRIPTION, Known, People, PeopleError, Person, Press, Printing, ReportSettings, Settings, Signing, open,
};
use healthbridge_graphql::Exposure;
use healthbridge_rights::Role;
use healthbridge_signature::Signers;
use healthbridge_subgraph::Subgraph;
use healthbridge_testkit::{Client, TestDatabase, TestStorage, Tokens, serve};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

pub struct Setup {
    pub database: TestDatabase,
    pub tokens: Tokens,
    pub anonymous: Client,
    pub url: String,
    pub storage: TestStorage,
    pub people: Arc<TestPeople>,
    subgraph: Arc<Subgraph>,
}

/// The part that knows people: those that a test says, and everybody by one name where it says nothing.
#[derive(Default)]
pub struct TestPeople {
    /// Whom it does not know.
    pub unknown: Mutex<Vec<Uuid>>,
    /// By what it was asked.
    pub asked: Mutex<Vec<String>>,
}

#[async_trait]
impl People for TestPeople {
    async fn known(&self, patient: Uuid, staff: &[Uuid], asked_by: &Bearer) -> Result<Known, PeopleError> {
        self.asked.lock().expect("whole").push(asked_by.authorization().to_owned());
        let unknown = self.unknown.lock().expect("whole").clone();
        let person = || Person {
            name: "Aoife Ní Bhraonáin".to_owned(),
            mrn: "100000009".to_owned(),
            birth_date: "1968-04-17".parse().ok(),
            gender: "FEMALE".to_owned(),
        };
        let known = |id: &&Uuid| !unknown.contains(*id);
        let staff: HashMap<Uuid, String> =
            staff.iter().filter(known).map(|id| (*id, "Dr. Łukasz Żółw".to_owned())).collect();
        Ok(Known { patient: (!unknown.contains(&patient)).then(person), staff })
    }
}

pub const CREATE: &str = "mutation ($input: CreateReportInput!) { createReport(input: $input) {
    report { id status version author { id } allowedTransitions } userErrors { code field } } }";

/// Sends a mutation whose input has its name; gives its payload.
pub async fn send(client: &Client, mutation: &str, input: Value, selection: &str) -> Value {
    let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let name = match name.as_str() {
        "AcknowledgeCriticalResult" => "AcknowledgeCritical",
        "MarkReportEnteredInError" => "CancelReport",
        name => name,
    };
    let query = format!(
        "mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code field }} }} }}"
    );
    client.data(&query, json!({ "input": input })).await[mutation].clone()
}

/// The codes of a payload's refusals.
pub fn refusals(payload: &Value) -> Vec<String> {
    let errors = payload["userErrors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Begins a report with a text; gives it.
pub async fn begin(client: &Client, patient: Uuid) -> Value {
    let input = json!({ "patientId": patient, "findings": "Clear.", "impression": "Normal." });
    send(client, "createReport", input, "report { id version }").await["report"].clone()
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
    let (storage, people) = (TestStorage::start().await, Arc::<TestPeople>::default());
    let printing = printing(&storage, people.clone());
    let subgraph = Arc::new(open(pool(&database), settings, signing(&tokens), printing));
    let base = serve(subgraph.routes(tokens.verifier(), Exposure::default())).await;
    Setup { database, tokens, anonymous: Client::new(&base), url: base, storage, people, subgraph }
}

/// What reports are signed by.
pub fn signing(tokens: &Tokens) -> Signing {
    Signing::new(tokens.verifier(), Arc::new(Signers::generate().expect("a key")))
}

/// What reports are printed by.
pub fn printing(storage: &TestStorage, people: Arc<TestPeople>) -> Printing {
    let press = Press::open(&ReportSettings::default()).expect("a press");
    Printing { objects: storage.objects.clone(), press, people }
}

impl Setup {
    pub fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }

    /// Lets the subgraph do what it does beside answering, until that is aborted.
    pub fn work(&self) -> tokio::task::JoinHandle<()> {
        let subgraph = self.subgraph.clone();
        tokio::spawn(async move { subgraph.work().await })
    }

    /// Somebody of the staff who is known.
    pub fn as_staff(&self, role: Role, staff: Uuid) -> Client {
        self.anonymous.with_token(self.tokens.key.sign(&self.tokens.claims(role, None, Some(staff))))
    }

    /// Somebody of the staff who is known, with a proof of having been asked again now.
    pub fn as_signer(&self, role: Role, staff: Uuid) -> (Client, String) {
        let token = self.tokens.key.sign(&self.tokens.claims(role, None, Some(staff)));
        let proof = self.tokens.proof(&token, Utc::now());
        (self.anonymous.with_token(token), proof)
    }

    pub async fn set_status(&self, report: &Value, status: &str) {
        let id: Uuid = report.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let update = sqlx::query("UPDATE diagnosis.report SET status = $2 WHERE id = $1").bind(id).bind(status);
        update.execute(&self.database.pool).await.expect("updated");
    }
}
