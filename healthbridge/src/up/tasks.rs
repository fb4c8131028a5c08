//! A part that runs in this process: a subgraph, the storage, the poll of revocations.

use std::time::Duration;

use anyhow::Context;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::supervise::{Probe, Supervised};

/// How long a part may take until it answers.
const START: Duration = Duration::from_secs(10);

/// How long one that was replaced may go on with the requests that it has.
const REPLACED: Duration = Duration::from_secs(10);

/// A part of this process, running or not.
pub(super) struct Task {
    name: String,
    probe: Option<Probe>,
    spawn: Spawn,
    running: Option<JoinHandle<anyhow::Result<()>>>,
    stop: CancellationToken,
}

/// Makes the part and spawns it; it runs until the token is cancelled.
type Spawn = Box<dyn Fn(CancellationToken) -> anyhow::Result<JoinHandle<anyhow::Result<()>>>>;

impl Task {
    /// Starts a part that serves `http://address`. The address is ours from now on: while the part is started again, clients
    /// wait instead of being refused.
    pub(super) fn serving<F>(
        name: &str,
        listener: TcpListener,
        run: impl Fn(TcpListener, CancellationToken) -> F + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let probe = Probe::http(listener.local_addr()?)?;
        let listener = listener.into_std()?;
        let spawn = move |stop| {
            let listener = TcpListener::from_std(listener.try_clone()?)?;
            Ok(tokio::spawn(run(listener, stop)))
        };
        Self::start(name, Some(probe), Box::new(spawn))
    }

    /// Starts a part that nobody asks anything.
    pub(super) fn working<F>(name: &str, run: impl Fn(CancellationToken) -> F + 'static) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self::start(name, None, Box::new(move |stop| Ok(tokio::spawn(run(stop)))))
    }

    fn start(name: &str, probe: Option<Probe>, spawn: Spawn) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let running = Some(spawn(stop.clone())?);
        Ok(Self { name: name.to_owned(), probe, spawn, running, stop })
    }

    /// Asks it to stop.
    pub(super) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Waits until it has stopped.
    pub(super) async fn stopped(&mut self) {
        if let Some(running) = &mut self.running {
            running.await.ok();
            self.running = None;
        }
    }
}

impl Supervised for Task {
    fn name(&self) -> &str {
        &self.name
    }

    fn probe(&self) -> Option<Probe> {
        self.probe.clone()
    }

    async fn ended(&mut self) -> String {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let ended = running.await;
        self.running = None;
        match ended {
            Ok(Ok(())) => "has ended".to_owned(),
            Ok(Err(error)) => format!("has ended ({error:#})"),
            Err(error) => format!("has ended ({error})"),
        }
    }

    async fn start_again(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        if let Some(mut replaced) = self.running.take() {
            // What it has at hand it may still answer; what hangs is dropped.
            tokio::spawn(async move {
                if tokio::time::timeout(REPLACED, &mut replaced).await.is_err() {
                    replaced.abort();
                }
            });
        }
        self.stop = CancellationToken::new();
        self.running = Some((self.spawn)(self.stop.clone())?);
        let Some(probe) = self.probe() else { return Ok(()) };
        tokio::select! {
            how = self.ended() => anyhow::bail!("it {how}"),
            answered = probe.answered(START) => answered.context("it does not answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, routing::get};
    use healthbridge_listener::{Face, Limits, Part, serve};

    use super::*;
    use crate::up::supervise::supervise;

    /// A part that does something else at its first start than later.
    async fn supervised(first: impl Fn() -> Router + Send + Sync + Clone + 'static) -> (usize, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
        let address = listener.local_addr().expect("it works");
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = starts.clone();
        let mut task = Task::serving("a part", listener, move |listener, stop| {
            let well = Router::new().route("/healthz", get(async || "well")).route("/", get(async || "well"));
            let first = (counted.fetch_add(1, Ordering::SeqCst) == 0).then(|| first.clone());
            let part = Part { name: "a part", face: Face::Graphql };
            async move {
                serve(listener, first.map_or(well, |first| first()), part, Limits::default(), stop).await;
                Ok(())
            }
        })
        .expect("it works");
        let asked = async {
            while starts.load(Ordering::SeqCst) < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Asked while it is started again, it answers as soon as it can.
            reqwest::get(format!("http://{address}/")).await.is_ok_and(|answer| answer.status().is_success())
        };
        let answered = tokio::select! {
            reason = supervise(&mut task) => panic!("{reason:#}"),
            answered = asked => answered,
        };
        (starts.load(Ordering::SeqCst), answered)
    }

    #[tokio::test]
    async fn a_part_that_panics_is_started_again_on_its_address() {
        assert_eq!(supervised(|| panic!("as a part may")).await, (2, true));
    }

    #[tokio::test]
    async fn a_part_that_hangs_is_started_again_on_its_address() {
        let hanging = || Router::new().route("/healthz", get(std::future::pending::<()>));
        assert_eq!(supervised(hanging).await, (2, true));
    }

    #[tokio::test]
    async fn a_part_that_cannot_be_started_is_given_up_with_its_reason() {
        let mut task = Task::working("a part", |_| async { Err(anyhow::anyhow!("no more room")) }).expect("it works");
        let reason = supervise(&mut task).await.to_string();
        assert_eq!(reason, "a part was started again 5 times within a minute, and still has ended (no more room)");
    }
}
