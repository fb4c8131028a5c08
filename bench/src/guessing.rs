//! The chart while somebody guesses passwords: 10 000 over 50 accounts from one address.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    load::{self, Measured, Target},
    stack::Stack,
};

const ACCOUNTS: usize = 50;
const GUESSES: usize = 10_000;
const GUESSERS: usize = 32;
/// Charts at once: a load that leaves the machine room, so that what the guessing costs can be seen.
const CHARTS: usize = 2;
const PASSWORD: &str = "seven unlikely purple wheelbarrows";
const SIGN_IN: &str = "mutation ($email: String!, $password: String!) {
    signIn(input: { email: $email, password: $password }) { accessToken userErrors { code message } } }";

/// Measures the chart quiet and while passwords are guessed, and how long the owner of an account waits elsewhere.
pub async fn run(patients: u32, time: Duration) -> anyhow::Result<()> {
    let stack = Stack::start(patients, false).await?;
    for number in 0..ACCOUNTS {
        stack.add_account(&email(number), PASSWORD)?;
    }
    load::run(&stack, Target::Router, CHARTS, Duration::from_secs(2)).await?;
    let quiet = load::run(&stack, Target::Router, CHARTS, time).await?;
    let begun = Instant::now();
    let guessing = tokio::spawn(guess(stack.access.router.clone()));
    let owner = tokio::spawn(sign_in_elsewhere(stack.access.router.clone()));
    let mut meanwhile = Vec::new();
    while !guessing.is_finished() {
        meanwhile.push(load::run(&stack, Target::Router, CHARTS, Duration::from_secs(1)).await?);
    }
    let took = begun.elapsed();
    let (refused, succeeded) = guessing.await??;
    let (waits, tries) = owner.await??;
    println!(
        "{GUESSES} wrong passwords over {ACCOUNTS} accounts by {GUESSERS} connections from one address, in {took:.1?}:"
    );
    println!("{refused} refused, {succeeded} succeeded.\n");
    println!("| chart, {CHARTS} at once | charts/s | p50 ms | p99 ms |\n|---|---:|---:|---:|");
    row("quiet", &quiet);
    row("while passwords are guessed", &Measured::all(meanwhile));
    println!("\nRight sign-ins from another address meanwhile: {tries}, the longest took {waits:.1?}.");
    ensure!(succeeded == 0, "a guess succeeded");
    stack.stop().await
}

fn row(name: &str, measured: &Measured) {
    let (p50, p99) = (measured.percentile(50), measured.percentile(99));
    println!("| {name} | {:.0} | {p50:.1} | {p99:.1} |", measured.per_second());
}

fn email(number: usize) -> String {
    format!("guessed{number}@example.test")
}

async fn sign_in(client: &reqwest::Client, url: &str, email: &str, password: &str) -> anyhow::Result<bool> {
    let body = json!({ "query": SIGN_IN, "variables": { "email": email, "password": password } });
    let answer: Value = client.post(url).json(&body).send().await?.json().await?;
    ensure!(answer["errors"].is_null(), "{answer}");
    Ok(answer["data"]["signIn"]["accessToken"].is_string())
}

async fn guess(url: String) -> anyhow::Result<(usize, usize)> {
    let client = reqwest::Client::new();
    let (next, succeeded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let guessers: Vec<_> = (0..GUESSERS)
        .map(|_| {
            let (client, url, next, succeeded) = (client.clone(), url.clone(), next.clone(), succeeded.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= GUESSES {
                        return anyhow::Ok(());
                    }
                    let password = format!("seven unlikely purple wheelbarrow{number}");
                    if sign_in(&client, &url, &email(number % ACCOUNTS), &password).await? {
                        succeeded.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for guesser in guessers {
        guesser.await??;
    }
    let succeeded = succeeded.load(Ordering::Relaxed);
    Ok((GUESSES - succeeded, succeeded))
}

/// Signs in as the owners of the guessed accounts, one after the other, from another address of loopback. Gives the longest
/// time that one took, its waits included.
async fn sign_in_elsewhere(url: String) -> anyhow::Result<(Duration, usize)> {
    let client = reqwest::Client::builder().local_address(IpAddr::from(Ipv4Addr::new(127, 0, 0, 2))).build()?;
    let mut longest = Duration::ZERO;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for number in 0..10 {
        let begun = Instant::now();
        while !sign_in(&client, &url, &email(number), PASSWORD).await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        longest = longest.max(begun.elapsed());
    }
    Ok((longest, 10))
}
