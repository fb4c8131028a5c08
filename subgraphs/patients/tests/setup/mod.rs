//! What every test of the subgraph begins with.
#![allow(dead_code, reason = "each test program uses a part of this")]

use chrono::Utc;
use healthbridge_auth::ForeignIssuers;
use healthbridge_graphql::Exposure;
use healthbridge_patients::{
    DESCRIPTION, Identity, NewAccount, TotpKey, create_account,
    domain::{Staff, StaffProfession, UserKind},
    open, seed,
};
use healthbridge_rights::Role;
use healthbridge_terms::{HumanName, NameUse};
use healthbridge_testkit::{Client, ISSUER, TestDatabase, Tokens, serve};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

pub struct Setup {
    pub database: TestDatabase,
    pub tokens: Tokens,
    pub anonymous: Client,
    pub url: String,
}

/// What a subgraph signs with.
pub fn identity(tokens: &Tokens) -> Identity {
    Identity {
        keys: tokens.keys(),
        issuer: ISSUER.to_owned(),
        foreign: ForeignIssuers::default(),
        totp: Some(TotpKey::from_hex(&"5a".repeat(32).into()).expect("a key")),
        patients_book: false,
    }
}

/// The networks of the router: the tests ask from loopback.
pub fn trusting() -> Exposure {
    Exposure { trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")], ..Exposure::default() }
}

pub async fn setup() -> Setup {
    setup_by(|database| database.pool.clone(), ForeignIssuers::default()).await
}

/// The subgraph with a pool of the test's own, and other issuers that it trusts.
pub async fn setup_by(pool: impl FnOnce(&TestDatabase) -> PgPool, foreign: ForeignIssuers) -> Setup {
    let (database, tokens) = (TestDatabase::of(DESCRIPTION.provision).await, Tokens::new());
    let identity = Identity { foreign, ..identity(&tokens) };
    let url = serve(open(pool(&database), identity).routes(tokens.verifier(), trusting())).await;
    Setup { database, tokens, anonymous: Client::new(&url), url }
}

impl Setup {
    pub fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }

    pub async fn add_staff(&self) -> Uuid {
        let name = HumanName {
            name_use: NameUse::Official,
            family: "House".to_owned(),
            given: vec!["Gregory".to_owned()],
            prefix: Vec::new(),
            suffix: Vec::new(),
        };
        let staff = Staff {
            id: Uuid::now_v7(),
            name,
            profession: StaffProfession::Physician,
            specialty: None,
            licence_number: None,
            department: None,
            active: true,
            created_at: Utc::now(),
            updated_at: Utc::now(),
            version: 1,
        };
        let id = staff.id;
        let seed = seed::Seed { staff: vec![staff], ..seed::Seed::default() };
        seed.load(&self.database.pool).await.expect("loaded");
        id
    }

    pub async fn add_account(&self, email: &str, role: Role) {
        let password = PASSWORD.into();
        let account = NewAccount { kind: UserKind::Staff, email: email.to_owned(), password, roles: vec![role] };
        create_account(self.database.pool.clone(), account, Utc::now()).await.expect("made");
    }
}

pub const PASSWORD: &str = "correct horse battery staple";

pub const CREATE: &str = "mutation ($input: CreatePatientInput!) {
    createPatient(input: $input) { patient { id mrn name { text } version } userErrors { code field } } }";

pub fn input(family: &str) -> Value {
    json!({ "name": { "family": family, "given": ["Ada"] }, "gender": "FEMALE", "birthDate": "1990-02-28",
        "allowDuplicate": true })
}

pub async fn create(client: &Client, family: &str) -> Uuid {
    let data = client.data(CREATE, json!({ "input": input(family) })).await;
    let id = data["createPatient"]["patient"]["id"].as_str();
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no patient: {data}"))
}

pub const SIGN_IN: &str = "mutation ($email: String!, $password: String!) {
    signIn(input: { email: $email, password: $password }) { accessToken refreshToken user { id version } userErrors { code } } }";
pub const REFRESH: &str = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    accessToken refreshToken userErrors { code } } }";

impl Setup {
    /// What the feed of revocations has now.
    pub async fn revocations(&self) -> Vec<Value> {
        let feed = reqwest::get(format!("{}/revocations?after=0", self.url)).await.expect("the feed");
        feed.json::<Value>().await.expect("JSON")["revocations"].as_array().cloned().expect("a list")
    }

    pub async fn sign_in(&self, email: &str) -> Value {
        let data = self.anonymous.data(SIGN_IN, json!({ "email": email, "password": PASSWORD })).await;
        data["signIn"].clone()
    }
}
