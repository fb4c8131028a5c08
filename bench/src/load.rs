//! Sends requests and takes their times.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;

use crate::stack::Stack;

/// The main query.
pub const CHART: &str = include_str!("../../schema/operations/patient-chart.graphql");

/// What a client without a router sends, one to each subgraph.
const PARTS: [&str; 4] = [
    "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { id mrn name { text } birthDate } } }",
    "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient { images(first: 20) {
        nodes { id modality state downloadUrl { url expiresAt } } pageInfo { hasNextPage endCursor } } } } }",
    "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient {
        reports(first: 10) { nodes { id status impression } } } } }",
    "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient {
        totalCost { byCurrency { currency net { amount } paid { amount } outstanding { amount } } } } } }",
];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The hand-written handler.
    Ceiling,
    /// The four subgraph requests at once.
    FourRequests,
    /// The one query through the router.
    Router,
}

impl Target {
    /// How the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ceiling => "hand-written handler (ceiling)",
            Self::FourRequests => "four subgraph requests",
            Self::Router => "one query through the router",
        }
    }
}

/// The times of all requests, sorted.
#[derive(Debug)]
pub struct Measured {
    times: Vec<Duration>,
    took: Duration,
}

impl Measured {
    /// Of these times, taken in that time.
    pub fn new(mut times: Vec<Duration>, took: Duration) -> Self {
        times.sort_unstable();
        Self { times, took }
    }

    /// All of these together.
    pub fn all(parts: Vec<Self>) -> Self {
        let took = parts.iter().map(|part| part.took).sum();
        Self::new(parts.into_iter().flat_map(|part| part.times).collect(), took)
    }

    /// How many charts came.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
    pub fn count(&self) -> f64 {
        self.times.len() as f64
    }

    /// Charts a second.
    pub fn per_second(&self) -> f64 {
        self.count() / self.took.as_secs_f64()
    }

    /// A percentile in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let place = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

/// Keeps so many requests under way until the time is over. An answer that is not whole ends the benchmark.
pub async fn run(stack: &Stack, target: Target, connections: usize, time: Duration) -> anyhow::Result<Measured> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(connections * 4).build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (client, next, access) = (client.clone(), next.clone(), stack.access.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < time {
                    let id = access.patients[next.fetch_add(1, Ordering::Relaxed) % access.patients.len()].clone();
                    let sent = Instant::now();
                    let total = chart(&client, &access, target, &id).await?;
                    ensure!(total["byCurrency"][0]["net"]["amount"].is_string(), "not a whole chart: {total}");
                    times.push(sent.elapsed());
                }
                Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await??);
    }
    Ok(Measured::new(times, begun.elapsed()))
}

/// What the load knows of the servers.
#[derive(Debug)]
pub struct Access {
    pub token: String,
    pub patients: Vec<String>,
    pub router: String,
    pub subgraphs: Vec<String>,
    pub ceiling: String,
    pub database: PgConnectOptions,
}

/// Fetches a chart; gives its `totalCost`.
async fn chart(client: &reqwest::Client, access: &Access, target: Target, id: &str) -> anyhow::Result<Value> {
    match target {
        Target::Ceiling => {
            let answer = client.get(format!("{}/{id}", access.ceiling)).bearer_auth(&access.token).send().await?;
            let chart: Value = answer.error_for_status()?.json().await?;
            Ok(chart["data"]["patient"]["totalCost"].clone())
        }
        Target::Router => {
            let answer = ask(client, &access.router, &access.token, CHART, json!({ "id": id })).await?;
            Ok(answer["data"]["patient"]["totalCost"].clone())
        }
        Target::FourRequests => {
            let variables = json!({ "r": [{ "__typename": "Patient", "id": id }] });
            let part =
                |place: usize| ask(client, &access.subgraphs[place], &access.token, PARTS[place], variables.clone());
            let (.., billing) = tokio::try_join!(part(0), part(1), part(2), part(3))?;
            Ok(billing["data"]["_entities"][0]["totalCost"].clone())
        }
    }
}

pub async fn ask(
    client: &reqwest::Client,
    url: &str,
    token: &str,
    query: &str,
    variables: Value,
) -> anyhow::Result<Value> {
    let request = client.post(url).bearer_auth(token).json(&json!({ "query": query, "variables": variables }));
    request.send().await?.json().await.context("an answer in JSON")
}
