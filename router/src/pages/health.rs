use std::time::Instant;

use futures::future::join_all;
use healthbridge_listener::{Asked, Told};
use healthbridge_telemetry::causes;
use serde::{Deserialize, Serialize};

use crate::settings::Subgraph;

/// How a part of the graph is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    /// Its name in the supergraph.
    pub name: String,
    /// `ok` or `unavailable`.
    pub status: &'static str,
    /// The version that it says it has.
    version: Option<String>,
    /// How long its answer took, in milliseconds; nothing where there was none.
    latency_ms: Option<u64>,
}

/// What a subgraph says of itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ready {
    version: Option<String>,
    waits_for: Option<String>,
}

/// More, in bytes, than a part has to say of itself.
const MOST_SAID: usize = 16 * 1024;

pub(super) struct Health {
    subgraphs: Vec<(Subgraph, Told)>,
    client: reqwest::Client,
    asked: Asked<Vec<Part>>,
}

impl Health {
    pub(super) fn new(subgraphs: Vec<Subgraph>, client: reqwest::Client) -> Self {
        let subgraphs = subgraphs.into_iter().map(|subgraph| (subgraph, Told::default())).collect();
        Self { subgraphs, client, asked: Asked::default() }
    }

    /// How the subgraphs are. All who ask meanwhile share the answer.
    pub(super) async fn parts(&self) -> Vec<Part> {
        self.asked.answer(join_all(self.subgraphs.iter().map(|(subgraph, told)| self.part(subgraph, told)))).await
    }

    async fn part(&self, subgraph: &Subgraph, told: &Told) -> Part {
        let (name, begun) = (&subgraph.name, Instant::now());
        let ready = self.ready(&subgraph.url).await;
        if told.is_news(ready.as_ref().err().map(String::as_str)) {
            match &ready {
                Ok(_) => tracing::warn!(subgraph = name, "{name} is available again"),
                Err(error) => tracing::warn!(subgraph = name, error, "{name} is unavailable"),
            }
        }
        Part {
            name: name.clone(),
            status: if ready.is_ok() { "ok" } else { "unavailable" },
            latency_ms: ready.is_ok().then(|| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)),
            version: ready.ok().and_then(|ready| ready.version),
        }
    }

    /// What a subgraph says that is ready, or why it is not.
    async fn ready(&self, endpoint: &str) -> Result<Ready, String> {
        let url = readiness_url(endpoint).ok_or("its endpoint is no URL")?;
        let mut answer = self.client.get(url).send().await.map_err(|error| causes(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| causes(&error))? {
            if body.len() + chunk.len() > MOST_SAID {
                return Err("it says too much".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        // Another service than ours may say nothing else.
        let said: Ready = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(said);
        }
        let waits_for = said.waits_for.as_deref().unwrap_or("what it does not say");
        Err(format!("it answers {status} and waits for {waits_for}"))
    }
}

/// Where a subgraph says whether it is ready: beside its GraphQL endpoint.
fn readiness_url(endpoint: &str) -> Option<reqwest::Url> {
    reqwest::Url::parse(endpoint).ok()?.join("readyz").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subgraph_is_asked_for_its_readiness_beside_its_endpoint_whatever_its_host_is_called() {
        let of = |endpoint: &str| readiness_url(endpoint).map(String::from);
        assert_eq!(of("http://graphql-x:8001/graphql").as_deref(), Some("http://graphql-x:8001/readyz"));
        assert_eq!(of("http://host/billing/graphql?a=b").as_deref(), Some("http://host/billing/readyz"));
        assert_eq!(of("no URL"), None);
    }
}
