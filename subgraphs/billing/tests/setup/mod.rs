//! What every test of the subgraph begins with.
#![allow(dead_code, reason = "each test program uses a part of this")]

use healthbridge_billing::{DESCRIPTION, open};
use healthbridge_graphql::Exposure;
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, TestDatabase, TestStorage, Tokens, serve};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

pub struct Setup {
    pub database: TestDatabase,
    pub storage: TestStorage,
    pub tokens: Tokens,
    pub anonymous: Client,
}

pub async fn setup() -> Setup {
    setup_by(|database| database.pool.clone()).await
}

/// The subgraph with a pool of the test's own.
pub async fn setup_by(pool: impl FnOnce(&TestDatabase) -> PgPool) -> Setup {
    let (database, storage, tokens) =
        (TestDatabase::of(DESCRIPTION.provision).await, TestStorage::start().await, Tokens::new());
    let subgraph = open(pool(&database), storage.objects.clone());
    let anonymous = Client::new(&serve(subgraph.routes(tokens.verifier(), Exposure::default())).await);
    Setup { database, storage, tokens, anonymous }
}

impl Setup {
    pub fn as_role(&self, role: Role) -> Client {
        self.anonymous.with_token(self.tokens.of(role))
    }

    pub async fn pay(&self, billing: &Value, amount: &str, currency: &str) -> Value {
        let input = json!({ "billingId": billing["id"], "method": "CARD", "idempotencyKey": Uuid::new_v4(),
            "amount": { "amount": amount, "currency": currency } });
        let data = self.as_role(Role::Clerk).data(PAY, json!({ "input": input })).await;
        data["payBilling"].clone()
    }
}

pub const PAY: &str = "mutation ($input: PayBillingInput!) { payBilling(input: $input) {
    entry { id kind amount { amount currency } method reference } billing { id paid { amount } outstanding { amount }
    paymentState version } userErrors { code field } } }";

pub const ADD: &str = "mutation ($input: AddBillingInput!) { addBilling(input: $input) {
    billing { id quantity net { amount currency } outstanding { amount } status paymentState version } userErrors { code field } } }";
pub const TOTAL: &str =
    "totalCost { byCurrency { currency charged { amount } discounts { amount } tax { amount } net { amount } paid { amount } refunded { amount }
    outstanding { amount } itemCount } }";

pub fn input(patient: Uuid, quantity: &str, amount: &str, currency: &str) -> Value {
    json!({
        "patientId": patient, "description": "CT", "quantity": quantity,
        "unitPrice": { "amount": amount, "currency": currency }, "idempotencyKey": Uuid::new_v4(),
    })
}

pub async fn add(client: &Client, patient: Uuid, quantity: &str, amount: &str, currency: &str) -> Value {
    let data = client.data(ADD, json!({ "input": input(patient, quantity, amount, currency) })).await;
    data["addBilling"]["billing"].clone()
}
