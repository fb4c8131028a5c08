//! Measures the chart through the router against two baselines, in one run on one machine:
//! the same answer from one hand-written handler (our ceiling), and the four subgraph requests of a client without a
//! router. Run it by `./dev bench` on an idle machine.
#![expect(clippy::disallowed_methods, reason = "a measurement begins now")]

mod ceiling;
mod fuzz;
mod guessing;
mod load;
mod overload;
mod search;
mod stack;
mod totals;

use std::{net::SocketAddr, time::Duration};

use clap::{Parser, Subcommand};
use load::{Measured, Target};
use stack::{Stack, Usage};

/// Measures the chart against its baselines.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many patients the data has; a million for a search, 2000 otherwise.
    #[arg(long)]
    patients: Option<u32>,
    /// How long each target is measured, after a warm-up of two seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the hand-written baseline; the benchmark starts it by itself.
    Ceiling {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// Searches a million patients by name, record number and birth date, through the router and at the subgraph.
    Search,
    /// Measures the total cost of a patient with 100 000 billings against that of one with ten.
    Totals,
    /// Measures the chart while somebody guesses passwords, against its quiet self.
    Guessing,
    /// Asks for ten times more charts than the machine can do.
    Overload,
    /// Throws odd inputs at what the doors read, in this process: no panic, none that takes long, no memory that grows.
    Fuzz {
        /// How many for each door.
        #[arg(long, default_value_t = 1_000_000)]
        inputs: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let cli = Cli::parse();
    let time = Duration::from_secs(cli.seconds);
    match cli.command {
        Some(Command::Ceiling { listen }) => ceiling::serve(listen).await,
        Some(Command::Search) => search::run(cli.patients.unwrap_or(1_000_000), time).await,
        Some(Command::Totals) => totals::run(time).await,
        Some(Command::Guessing) => guessing::run(cli.patients.unwrap_or(2000), time).await,
        Some(Command::Overload) => overload::run(cli.patients.unwrap_or(2000), time).await,
        Some(Command::Fuzz { inputs }) => fuzz::run(inputs).await,
        None => chart(&cli).await,
    }
}

async fn chart(cli: &Cli) -> anyhow::Result<()> {
    let stack = Stack::start(cli.patients.unwrap_or(2000), false).await?;
    let (warm_up, time) = (Duration::from_secs(2), Duration::from_secs(cli.seconds));
    let mut rows = Vec::new();
    for target in [Target::Ceiling, Target::FourRequests, Target::Router] {
        load::run(&stack, target, cli.connections, warm_up).await?;
        let before = stack.usage();
        let measured = load::run(&stack, target, cli.connections, time).await?;
        rows.push((target, measured, Usage::since(&before, &stack.usage())));
    }
    print(cli, &rows);
    stack.stop().await
}

fn print(cli: &Cli, rows: &[(Target, Measured, Vec<Usage>)]) {
    println!(
        "The chart of one patient of {}; {} at once, {} s each; loads and servers share this machine.\n",
        cli.patients.unwrap_or(2000),
        cli.connections,
        cli.seconds
    );
    println!("| target | charts/s | p50 ms | p99 ms | CPU ms/chart | ratio to the ceiling |");
    println!("|---|---:|---:|---:|---:|---:|");
    let ceiling = rows.first().map_or(1.0, |(_, measured, _)| measured.per_second());
    for (target, measured, usage) in rows {
        let cpu: f64 = usage.iter().map(|one| one.cpu_seconds).sum();
        println!(
            "| {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} |",
            target.name(),
            measured.per_second(),
            measured.percentile(50),
            measured.percentile(99),
            cpu * 1000.0 / measured.count(),
            measured.per_second() / ceiling,
        );
    }
    for (target, _, usage) in rows {
        println!("\n{}:\n\n| process | CPU s | memory MB |\n|---|---:|---:|", target.name());
        for one in usage.iter().filter(|one| one.cpu_seconds > 0.05) {
            println!("| {} | {:.1} | {:.0} |", one.name, one.cpu_seconds, one.memory_mb);
        }
    }
}
