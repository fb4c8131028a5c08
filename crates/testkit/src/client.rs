use axum::Router;
use healthbridge_listener::{Face, Limits, Part};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Serves routes on a port of their own as the program does, as long as the test runs; gives `http://address`.
///
/// # Panics
/// When no port is free.
pub async fn serve(routes: Router) -> String {
    serve_until(routes, Face::Graphql, CancellationToken::new()).await.0
}

/// Serves routes until `stop`; gives `http://address` and what ends when everything that had begun has ended.
///
/// # Panics
/// When no port is free.
pub async fn serve_until(routes: Router, face: Face, stop: CancellationToken) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let part = Part { name: "test", face };
    let served = tokio::spawn(healthbridge_listener::serve(listener, routes, part, Limits::default(), stop));
    (format!("http://{address}"), served)
}

/// Asks a GraphQL endpoint.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    address: Option<String>,
}

/// What an endpoint answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Client {
    /// A client of `http://address`, without a token.
    pub fn new(base: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { http: reqwest::Client::new(), url: format!("{base}/graphql"), token: None, address: None }
    }

    /// The same client with a token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same client from this address, as a proxy would tell it.
    #[must_use]
    pub fn from_address(&self, address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..self.clone() }
    }

    /// Sends a request as it is asked for, and gives the answer with its headers.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, query: &str, variables: Value) -> reqwest::Response {
        self.request(query, variables).send().await.expect("an answer")
    }

    fn request(&self, query: &str, variables: Value) -> reqwest::RequestBuilder {
        let mut request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        request
    }

    /// Asks.
    ///
    /// # Panics
    /// When there is no answer in JSON.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.try_ask(query, variables).await.expect("an answer in JSON")
    }

    /// Asks an endpoint that may be gone.
    ///
    /// # Errors
    /// When there is no answer in JSON.
    pub async fn try_ask(&self, query: &str, variables: Value) -> Result<Answer, reqwest::Error> {
        let answer = self.request(query, variables).send().await?;
        Ok(Answer { status: answer.status(), body: answer.json().await? })
    }

    /// Asks, and gives the answer as it came, to the byte. Each request has the same id, which errors repeat.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn text(&self, query: &str, variables: Value) -> String {
        let request = self.request(query, variables).header("x-request-id", "the-same");
        request.send().await.expect("an answer").text().await.expect("text")
    }

    /// Sends a body as it is; gives the status and the answer as they came.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&self, body: String) -> (u16, String) {
        let request = self.http.post(&self.url).header("content-type", "application/json").body(body);
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }

    /// Asks for the data, which must come without any error.
    ///
    /// # Panics
    /// When there is an error.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables).await;
        assert!(answer.body["errors"].is_null(), "{:#}", answer.body["errors"]);
        answer.body["data"].clone()
    }

    /// Asks `_entities` for a type's selection, with these ids.
    ///
    /// # Panics
    /// When there is no answer in JSON.
    pub async fn entities(&self, type_name: &str, ids: &[uuid::Uuid], selection: &str) -> Answer {
        let query = format!(
            "query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {type_name} {{ {selection} }} }} }}"
        );
        let representations: Vec<Value> = ids.iter().map(|id| json!({ "__typename": type_name, "id": id })).collect();
        self.ask(&query, json!({ "r": representations })).await
    }
}

impl Answer {
    /// The codes of all errors.
    ///
    /// # Panics
    /// When an error has no code: every one must.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let code = |error: &Value| {
            let code = error["extensions"]["code"].as_str();
            code.unwrap_or_else(|| panic!("an error without a code: {error}")).to_owned()
        };
        errors.iter().map(code).collect()
    }

    /// The codes of the `userErrors` of a mutation.
    pub fn refusals(&self, mutation: &str) -> Vec<String> {
        let errors = self.body["data"][mutation]["userErrors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
