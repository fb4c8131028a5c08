use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::Client;

/// Runs the mutations of a subgraph, and knows which it has not run.
#[derive(Debug)]
pub struct Mutations {
    /// The type of each one's input, where it has one.
    inputs: BTreeMap<String, Option<String>>,
    done: BTreeSet<String>,
}

impl Mutations {
    /// The mutations that the endpoint has by its own word; the client has a token.
    ///
    /// # Panics
    /// When it does not say.
    pub async fn of(client: &Client) -> Self {
        let query = "{ __schema { mutationType { fields { name args { type { ofType { name } } } } } } }";
        let schema = client.data(query, Value::Null).await;
        let fields = schema["__schema"]["mutationType"]["fields"].as_array().expect("fields");
        let input = |field: &Value| field["args"][0]["type"]["ofType"]["name"].as_str().map(str::to_owned);
        let inputs = fields.iter().map(|field| (field["name"].as_str().expect("a name").to_owned(), input(field)));
        Self { inputs: inputs.collect(), done: BTreeSet::new() }
    }

    /// Runs one, which must succeed, and gives its payload.
    ///
    /// # Panics
    /// When it is refused or fails.
    pub async fn run(&mut self, client: &Client, name: &str, input: Value, selection: &str) -> Value {
        let payload = self.ask(client, name, input, selection).await;
        self.done.insert(name.to_owned());
        payload
    }

    /// Runs one that has an idempotency key, and sends it once more: the second answer must be the first one.
    ///
    /// # Panics
    /// When it is refused or fails, or the second answer is another one.
    pub async fn run_twice(&mut self, client: &Client, name: &str, input: Value, selection: &str) -> Value {
        let first = self.run(client, name, input.clone(), selection).await;
        assert_eq!(self.ask(client, name, input, selection).await, first, "{name} sent again");
        first
    }

    /// Sends one that has an idempotency key, lets the world change so that it would be refused with another key, and sends it
    /// again, by whoever that is then: the answer must be the first one.
    ///
    /// # Panics
    /// When it fails, the world has not changed, or the second answer is another one.
    pub async fn assert_replays(
        &self,
        (client, later): (&Client, &Client),
        name: &str,
        input: Value,
        selection: &str,
        change: impl Future<Output = ()>,
    ) {
        let first = self.ask(client, name, input.clone(), selection).await;
        change.await;
        let mut anew = input.clone();
        anew["idempotencyKey"] = json!(Uuid::new_v4());
        let refused = self.payload(later, name, anew, selection).await;
        assert_ne!(refused["userErrors"], json!([]), "{name}: the world has changed");
        assert_eq!(self.ask(later, name, input, selection).await, first, "{name}");
    }

    /// As [`Mutations::run`], for many at once.
    ///
    /// # Panics
    /// When it is refused or fails.
    pub async fn ask(&self, client: &Client, name: &str, input: Value, selection: &str) -> Value {
        let payload = self.payload(client, name, input, selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// Runs one that may be refused, and gives its payload.
    ///
    /// # Panics
    /// When it fails.
    pub async fn payload(&self, client: &Client, name: &str, input: Value, selection: &str) -> Value {
        let kind = self.inputs.get(name).unwrap_or_else(|| panic!("no mutation {name}"));
        let query = match kind {
            Some(kind) => format!(
                "mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code message field }} }} }}"
            ),
            None => format!("mutation {{ {name} {{ {selection} userErrors {{ code message field }} }} }}"),
        };
        let answer = client.ask(&query, json!({ "input": input })).await;
        assert!(answer.body["errors"].is_null(), "{name}: {}", answer.body);
        answer.body["data"][name].clone()
    }

    /// That each was run.
    ///
    /// # Panics
    /// Names those that were not.
    pub fn assert_all(&self) {
        let missing: Vec<&String> = self.inputs.keys().filter(|name| !self.done.contains(*name)).collect();
        assert!(missing.is_empty(), "mutations that are new belong here, too: {missing:?}");
    }
}
