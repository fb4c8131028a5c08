//! The total cost of a patient, whatever the history.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::Utc;
use healthbridge_billing::{
    domain::{Billing, Price, Recorded},
    seed,
};
use healthbridge_terms::{CurrencyCode, Money};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::{
    load::{Measured, ask},
    stack::Stack,
};

const FEW: u32 = 10;
const MANY: u32 = 100_000;
const TOTAL: &str = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Patient {
    totalCost { byCurrency { currency net { amount } outstanding { amount } itemCount } } } } }";

/// Measures both patients in turn, one request at a time, in one run.
pub async fn run(time: Duration) -> anyhow::Result<()> {
    let stack = Stack::start(FEW, false).await?;
    let pool = healthbridge_postgres::pool(stack.access.database.clone(), 2);
    let (few, many) = (Uuid::now_v7(), Uuid::now_v7());
    for (patient, count) in [(few, FEW), (many, MANY)] {
        // Each movement updates the one balance: many of them in one transaction would leave as many versions of its row.
        for part in (0..count).collect::<Vec<_>>().chunks(200) {
            let billings = part.iter().map(|_| billing(patient)).collect::<anyhow::Result<Vec<_>>>()?;
            seed::load(&pool, &billings, &[]).await?;
        }
    }
    pool.close().await;
    let client = reqwest::Client::new();
    let (mut times, mut taken) = ([Vec::new(), Vec::new()], [Duration::ZERO; 2]);
    let begun = Instant::now();
    while begun.elapsed() < time {
        for (place, (patient, count)) in [(few, FEW), (many, MANY)].into_iter().enumerate() {
            let variables = json!({ "r": [{ "__typename": "Patient", "id": patient }] });
            let sent = Instant::now();
            let answer = ask(&client, &stack.access.subgraphs[3], &stack.access.token, TOTAL, variables).await?;
            let item_count = &answer["data"]["_entities"][0]["totalCost"]["byCurrency"][0]["itemCount"];
            ensure!(*item_count == json!(count), "not the whole total: {answer}");
            times[place].push(sent.elapsed());
            taken[place] += sent.elapsed();
        }
    }
    println!("| billings of the patient | total costs/s | p50 ms | p99 ms |\n|---|---:|---:|---:|");
    let mut medians = Vec::new();
    for ((count, times), taken) in [FEW, MANY].into_iter().zip(times).zip(taken) {
        let measured = Measured::new(times, taken);
        let (p50, p99) = (measured.percentile(50), measured.percentile(99));
        println!("| {count} | {:.0} | {p50:.2} | {p99:.2} |", measured.per_second());
        medians.push(p50);
    }
    let (one, other) = (medians.first().context("two")?, medians.last().context("two")?);
    println!("\nRatio of the medians: {:.2}", other / one);
    stack.stop().await
}

fn billing(patient_id: Uuid) -> anyhow::Result<Billing> {
    let currency: CurrencyCode = "EUR".parse()?;
    let unit_price = Money::new(Decimal::new(1234, 2), currency)?;
    let price = Price::compute(unit_price, Decimal::ONE, &[])?;
    let recorded = Recorded { by: Uuid::nil(), at: Utc::now() };
    let description = "A service".to_owned();
    Ok(Billing::new(patient_id, description, Decimal::ONE, unit_price, price, recorded.at, recorded))
}
