use std::time::Instant;

use futures::future::join_all;
use healthbridge_listener::Asked;
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
#[derive(Deserialize)]
struct Ready {
    version: Option<String>,
}

pub(super) struct Health {
    subgraphs: Vec<Subgraph>,
    client: reqwest::Client,
    asked: Asked<Vec<Part>>,
}

impl Health {
    pub(super) fn new(subgraphs: Vec<Subgraph>, client: reqwest::Client) -> Self {
        Self { subgraphs, client, asked: Asked::default() }
    }

    /// How the subgraphs are. All who ask meanwhile share the answer.
    pub(super) async fn parts(&self) -> Vec<Part> {
        self.asked.answer(join_all(self.subgraphs.iter().map(|subgraph| self.part(subgraph)))).await
    }

    async fn part(&self, subgraph: &Subgraph) -> Part {
        let begun = Instant::now();
        let ready = self.ready(subgraph).await;
        Part {
            name: subgraph.name.clone(),
            status: if ready.is_some() { "ok" } else { "unavailable" },
            latency_ms: ready.is_some().then(|| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)),
            version: ready.and_then(|ready| ready.version),
        }
    }

    async fn ready(&self, subgraph: &Subgraph) -> Option<Ready> {
        let answer = self.client.get(readiness_url(&subgraph.url)?).send().await.ok()?.error_for_status().ok()?;
        // Another service than ours may say only that it is ready.
        Some(answer.json().await.unwrap_or(Ready { version: None }))
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
