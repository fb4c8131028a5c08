//! Searching a large register: by the beginning of a name, by the whole record number, by birth date.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use serde_json::{Value, json};
use sqlx::ConnectOptions;

use crate::{
    load::{Measured, ask},
    stack::Stack,
};

/// How many clients ask at once.
const CLIENTS: usize = 50;

const SEARCH: &str = "query ($filter: PatientFilter!) { patients(first: 20, filter: $filter) {
    nodes { id mrn name { text } birthDate } pageInfo { hasNextPage endCursor } } }";

/// What is looked for.
#[derive(Clone, Debug)]
struct Sought {
    name: String,
    mrn: String,
    birth_date: String,
}

/// Measures each kind of search through the router and at the subgraph, in one run.
pub async fn run(patients: u32, time: Duration) -> anyhow::Result<()> {
    let stack = Stack::start(patients, true).await?;
    let mut connection = stack.access.database.connect().await?;
    let people: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT sort_name, mrn, birth_date::text FROM patients.patient TABLESAMPLE SYSTEM (1) REPEATABLE (7)
         WHERE birth_date IS NOT NULL LIMIT 5000",
    )
    .fetch_all(&mut connection)
    .await?;
    // The family name and the first letter of the given one.
    let letters =
        |name: &str| name.split_once(' ').map_or(name.chars().count(), |(family, _)| family.chars().count() + 2);
    let beginning = |name: &str| name.chars().take(letters(name)).collect::<String>();
    let sought: Arc<Vec<Sought>> = Arc::new(
        people.into_iter().map(|(name, mrn, birth_date)| Sought { name: beginning(&name), mrn, birth_date }).collect(),
    );
    ensure!(!sought.is_empty(), "nothing to look for");
    println!("{patients} patients, {CLIENTS} clients at once, {} s each.\n", time.as_secs());
    println!("| search | through | searches/s | p50 ms | p99 ms |\n|---|---|---:|---:|---:|");
    for (kind, filter) in [
        ("name", (|one| json!({ "search": one.name })) as fn(&Sought) -> Value),
        ("record number", |one| json!({ "search": one.mrn })),
        ("birth date", |one| json!({ "birthDate": one.birth_date })),
    ] {
        for (door, url) in [("router", &stack.access.router), ("subgraph", &stack.access.subgraphs[0])] {
            measure(&stack, url, &sought, filter, Duration::from_secs(2)).await?;
            let measured = measure(&stack, url, &sought, filter, time).await?;
            let (p50, p99) = (measured.percentile(50), measured.percentile(99));
            println!("| {kind} | {door} | {:.0} | {p50:.1} | {p99:.1} |", measured.per_second());
        }
    }
    stack.stop().await
}

async fn measure(
    stack: &Stack,
    url: &str,
    sought: &Arc<Vec<Sought>>,
    filter: fn(&Sought) -> Value,
    time: Duration,
) -> anyhow::Result<Measured> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(CLIENTS).build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let workers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, next, sought) = (client.clone(), next.clone(), sought.clone());
            let (url, token) = (url.to_owned(), stack.access.token.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < time {
                    let one = &sought[next.fetch_add(1, Ordering::Relaxed) % sought.len()];
                    let sent = Instant::now();
                    let answer = ask(&client, &url, &token, SEARCH, json!({ "filter": filter(one) })).await?;
                    ensure!(answer["data"]["patients"]["nodes"][0]["id"].is_string(), "found nothing: {answer}");
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
