//! Every operation of the system that this one succeeds has its answer here, through the router. What stands above each
//! function is its line in `docs/original.md`.

mod billing;
mod clinic;
mod diagnosis;
mod images;
mod list;
mod parts;
mod people;
#[path = "../stack/mod.rs"]
mod stack;

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use stack::{
    Stack, patients,
    writes::{self, mutation},
};
use uuid::Uuid;

/// A running house with its people.
struct Hospital {
    stack: Stack,
    anonymous: Client,
    admin: Client,
    doctor: Client,
    radiologist: Client,
    clerk: Client,
    auditor: Client,
    /// A patient of the demo data.
    patient: Value,
}

impl Hospital {
    async fn open() -> Self {
        let stack = Stack::start();
        let (admin, doctor) = (stack.sign_in("admin").await, stack.sign_in("doctor").await);
        let (radiologist, clerk) = (stack.sign_in("radiologist").await, stack.sign_in("clerk").await);
        let (auditor, anonymous) = (stack.sign_in("auditor").await, stack.router());
        let patient = patients(&doctor, 1).await[0].clone();
        Self { stack, anonymous, admin, doctor, radiologist, clerk, auditor, patient }
    }
}

impl Hospital {
    /// The own entry among the staff, of whoever signed in so.
    async fn own_staff(&self, client: &Client) -> Value {
        let me = client.data("{ me { profile { ... on MedicalStaff { id } } } }", Value::Null).await;
        me["me"]["profile"]["id"].clone()
    }
}

/// Changes something; gives the payload.
async fn change(client: &Client, operation: &str, selection: &str, input: Value) -> Value {
    changed(client, &mutation(operation, selection), operation, input).await
}

async fn changed(client: &Client, query: &str, operation: &str, input: Value) -> Value {
    let data = client.data(query, json!({ "input": input })).await;
    assert_eq!(data[operation]["userErrors"], json!([]), "{operation}");
    data[operation].clone()
}

/// Reads one object by its id.
async fn read(client: &Client, field: &str, id: &Value, selection: &str) -> Value {
    let query = format!("query ($id: ID!) {{ {field}(id: $id) {{ {selection} }} }}");
    client.data(&query, json!({ "id": id })).await[field].clone()
}

/// Reads the nodes of a list at the root.
async fn list(client: &Client, field: &str, selection: &str) -> Vec<Value> {
    let data = client.data(&format!("{{ {field} {{ nodes {{ {selection} }} }} }}"), Value::Null).await;
    let name = field.split('(').next().expect("a name");
    data[name]["nodes"].as_array().expect("nodes").clone()
}

/// Reads the nodes of a list below an object.
async fn list_of(client: &Client, (field, id): (&str, &Value), list: &str, selection: &str) -> Vec<Value> {
    let found = read(client, field, id, &format!("{list} {{ nodes {{ {selection} }} }}")).await;
    let name = list.split('(').next().expect("a name");
    found[name]["nodes"].as_array().unwrap_or_else(|| panic!("{list}: {found}")).clone()
}

fn ids(nodes: &[Value]) -> Vec<Value> {
    nodes.iter().map(|node| node["id"].clone()).collect()
}

fn key() -> Uuid {
    Uuid::new_v4()
}
