//! Looking after a part: it is asked each second whether it is well, and started again when it ends or hangs.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use super::restarts::{Health, MOST, Restarts};

/// How often a part is asked.
const PERIOD: Duration = Duration::from_secs(1);

/// How long an answer may take. The question needs no lock, no disk and no other part: even on a machine that is loaded ten
/// times over it is answered in tenths of a second, and three such answers must be missing.
const PATIENCE: Duration = Duration::from_secs(3);

/// When our own clock is late by this much, we did not run either: a missing answer says nothing about the part.
const OWN_LATENESS: Duration = Duration::from_millis(500);

/// A part that can be looked after.
pub(super) trait Supervised {
    /// What people call it.
    fn name(&self) -> &str;

    /// How to ask whether it is well, if it can be asked.
    fn probe(&self) -> Option<Probe>;

    /// Waits until it ends by itself, and says how.
    async fn ended(&mut self) -> String;

    /// Ends at once what is left of it, starts it on the same address, and waits until it answers. May be dropped at any
    /// time: what was started by then can be stopped as always.
    async fn start_again(&mut self) -> anyhow::Result<()>;
}

/// A question that a part answers at once as long as it is well.
#[derive(Clone, Debug)]
pub(super) enum Probe {
    /// A GET, whatever the answer is: a part that says that it has too much to do is well.
    Http(reqwest::Client, String),
    /// A statement on a connection of its own.
    Database(Box<PgConnectOptions>),
}

impl Probe {
    /// A question to `/healthz` at `http://address`. Each is a connection of its own: one that was accepted before says
    /// nothing about the next.
    pub(super) fn http(address: std::net::SocketAddr) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build()?;
        Ok(Self::Http(client, format!("http://{address}/healthz")))
    }

    /// Asks once.
    pub(super) async fn ask(&self) -> anyhow::Result<()> {
        match self {
            // One that takes the connection and closes it has too many of them: it is well.
            Self::Http(client, url) => match client.get(url).send().await {
                Err(error) if error.is_connect() || error.is_timeout() => Err(error.into()),
                _ => Ok(()),
            },
            Self::Database(options) => match ask_database(options).await {
                // A server that recovers, or has no connection left, says so: it answers.
                Err(sqlx::Error::Database(_)) => Ok(()),
                other => Ok(other?),
            },
        }
    }

    /// Asks until there is an answer.
    pub(super) async fn answered(&self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let asked = tokio::time::timeout(PATIENCE, self.ask()).await;
            match asked.context("no answer").flatten() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Asks each second until too many answers are missing; says what was missing last.
    async fn hangs(&self) -> String {
        let mut health = Health::default();
        loop {
            tokio::time::sleep(PERIOD).await;
            let begun = Instant::now();
            let missing = match tokio::time::timeout(PATIENCE, self.ask()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) if begun.elapsed() > PATIENCE + OWN_LATENESS => continue,
                Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            if health.note(missing.is_none()) {
                return format!("does not answer ({})", missing.unwrap_or_default());
            }
        }
    }
}

async fn ask_database(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::query("SELECT 1").execute(&mut connection).await?;
    connection.close().await
}

/// Looks after a part for ever; comes back only when it was started again too often, with the reason.
pub(super) async fn supervise(part: &mut impl Supervised) -> anyhow::Error {
    let clock = Instant::now();
    let mut restarts = Restarts::default();
    let mut was_well = true;
    let mut reason = fails(part).await;
    loop {
        let Some(wait) = restarts.next(clock.elapsed(), was_well) else {
            return anyhow!("{} was started again {MOST} times within a minute, and still {reason}", part.name());
        };
        say(&format!("{} {reason}: starting it again ({} of {MOST} within a minute)", part.name(), restarts.count()));
        tokio::time::sleep(wait).await;
        let begun = Instant::now();
        let started = part.start_again().await;
        was_well = started.is_ok();
        reason = match started {
            Ok(()) => {
                say(&format!("{} is back after {:.1} s", part.name(), begun.elapsed().as_secs_f64()));
                fails(part).await
            }
            Err(error) => format!("does not start ({error:#})"),
        };
    }
}

/// Waits until a part ends or hangs; says which.
async fn fails(part: &mut impl Supervised) -> String {
    let probe = part.probe();
    let hangs = async {
        match &probe {
            Some(probe) => probe.hangs().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        how = part.ended() => how,
        why = hangs => why,
    }
}

/// Tells the person who started everything; there may be nobody at the other end any more.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
