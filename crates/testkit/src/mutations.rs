use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

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

    /// As [`Mutations::run`], for many at once.
    ///
    /// # Panics
    /// When it is refused or fails.
    pub async fn ask(&self, client: &Client, name: &str, input: Value, selection: &str) -> Value {
        let kind = self.inputs.get(name).unwrap_or_else(|| panic!("no mutation {name}"));
        let query = match kind {
            Some(kind) => format!(
                "mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code message field }} }} }}"
            ),
            None => format!("mutation {{ {name} {{ {selection} userErrors {{ code message field }} }} }}"),
        };
        let answer = client.ask(&query, json!({ "input": input })).await;
        assert!(answer.body["errors"].is_null(), "{name}: {}", answer.body);
        assert_eq!(answer.body["data"][name]["userErrors"], json!([]), "{name}");
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
