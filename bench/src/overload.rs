//! Ten times more charts than the machine can do: who is let in is answered soon, who is not is told so at once, and health
//! stays quick.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    load::{self, CHART, Measured, Target},
    stack::Stack,
};

/// How many times more than the machine can do.
const TIMES: f64 = 10.0;

/// How often requests are sent; as many at once as the rate asks for.
const BEAT: Duration = Duration::from_millis(5);

/// What the accepted ones may take (p99).
const ACCEPTED: f64 = 2000.0;

/// What came of a request.
enum Outcome {
    Accepted(Duration),
    Refused(Duration),
}

/// Measures what the machine can do, then asks for ten times that.
pub async fn run(patients: u32, time: Duration) -> anyhow::Result<()> {
    let stack = Stack::start(patients, false).await?;
    load::run(&stack, Target::Router, 16, Duration::from_secs(2)).await?;
    let capacity = load::run(&stack, Target::Router, 16, Duration::from_secs(5)).await?.per_second();
    let offered = capacity * TIMES;
    println!("The machine does {capacity:.0} charts/s; it is asked for {offered:.0}/s for {} s.\n", time.as_secs());

    let health = tokio::spawn(health(stack.access.router.replace("/graphql", "/healthz"), time));
    let begun = Instant::now();
    let outcomes = offer(&stack, offered, time).await?;
    let took = begun.elapsed();
    let health = health.await??;
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Outcome::Accepted(time) => accepted.push(time),
            Outcome::Refused(time) => refused.push(time),
        }
    }
    let (accepted, refused) = (Measured::new(accepted, took), Measured::new(refused, took));
    println!("| | a second | p50 ms | p99 ms |\n|---|---:|---:|---:|");
    for (name, measured) in [("accepted", &accepted), ("refused with 503", &refused), ("health", &health)] {
        let (p50, p99) = (measured.percentile(50), measured.percentile(99));
        println!("| {name} | {:.0} | {p50:.1} | {p99:.1} |", measured.per_second());
    }
    ensure!(accepted.percentile(99) < ACCEPTED, "what is accepted takes too long");
    stack.stop().await
}

async fn offer(stack: &Stack, rate: f64, time: Duration) -> anyhow::Result<Vec<Outcome>> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(1000).build()?;
    let mut requests = JoinSet::new();
    let begun = Instant::now();
    let mut beat = tokio::time::interval(BEAT);
    let mut sent = 0_usize;
    while begun.elapsed() < time {
        beat.tick().await;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests is small")]
        let due = (begun.elapsed().as_secs_f64() * rate) as usize;
        for number in sent..due {
            let (client, access) = (client.clone(), stack.access.clone());
            let id = access.patients[number % access.patients.len()].clone();
            requests.spawn(async move { one(&client, &access, &id).await });
        }
        sent = due.max(sent);
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = requests.join_next().await {
        outcomes.push(outcome??);
    }
    Ok(outcomes)
}

async fn one(client: &reqwest::Client, access: &Arc<load::Access>, id: &str) -> anyhow::Result<Outcome> {
    let body = json!({ "query": CHART, "variables": { "id": id } });
    let sent = Instant::now();
    let answer = client.post(&access.router).bearer_auth(&access.token).json(&body).send().await?;
    let status = answer.status().as_u16();
    let later = answer.headers().contains_key("retry-after");
    let body: Value = answer.json().await.context("an answer in JSON")?;
    let took = sent.elapsed();
    match status {
        200 if body["errors"].is_null() => Ok(Outcome::Accepted(took)),
        503 if later => Ok(Outcome::Refused(took)),
        _ => anyhow::bail!("neither a chart nor a refusal: {status} {body}"),
    }
}

async fn health(url: String, time: Duration) -> anyhow::Result<Measured> {
    let client = reqwest::Client::new();
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time {
        let sent = Instant::now();
        client.get(&url).send().await?.error_for_status()?;
        times.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Measured::new(times, begun.elapsed()))
}
